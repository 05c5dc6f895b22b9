// The README's sample: FiveLines INDEX IMAGE
using Whence;
using Whence.Encoders;
using Whence.Search;

using var encoder = new OnnxEncoder(new EncoderRegistry().Resolve("resnet18"));
using var attributor = new Attributor(FeatureIndex.Open(args[0]), encoder);
var answer = attributor.Attribute(Query.FromFile(args[1]), k: 10);
foreach (var image in answer.Results)
{
    Console.WriteLine($"{image.Influence,7:P1}  {image.Source}");
}
