using System.Text.Json.Nodes;
using Whence.Bench;
using Whence.Bench.Abc;
using Whence.Bench.BaseModel;
using Whence.Bench.Diffusion;
using Whence.Bench.Evaluate;
using Whence.Bench.Fuzz;
using Whence.Bench.Photos;
using Whence.Bench.Search;
using Whence.Bench.Shapes;
using Whence.Bench.Training;

// One file a bench; each prints its table and returns every figure, which end the output as one line of JSON.
var benches = new SortedDictionary<string, (string What, Func<string[], JsonObject> Run)>(StringComparer.Ordinal)
{
    ["abc"] = ("a data set of customized models: killed again and again, made in two parts, whether its samples are like their exemplars, and one model of Stable Diffusion's full size", AbcBench.Run),
    ["augment"] = ("augmented views a second beside torchvision on Pillow's images", AugmentBench.Run),
    ["base-model"] = ("the text-to-image model of drawings: are prompts obeyed, seen and unseen ones, beside chance and ceiling; size, work, speed of its training", BaseModelBench.Run),
    ["calibrate"] = ("a whole calibration at the paper's size, 4,096 queries x 100,000 candidates: its steps and memory", CalibrateBench.Run),
    ["diffusion"] = ("training and sampling steps with the networks of the reference, beside the same networks in PyTorch", DiffusionBench.Run),
    ["diffusion-full"] = ("Stable Diffusion 1.x in its full size, random weights: loading, a step of each kind at 512 pixels, memory", FullSizeBench.Run),
    ["emoji"] = ("a data set of drawings made twice: pictures a second, what was dropped, equal bytes, and what each treatment costs", EmojiBench.Run),
    ["encoders"] = ("a vision transformer of full size beside the same network in PyTorch: images a second, memory, and what precision changes", EncodersBench.Run),
    ["evaluate"] = ("a whole evaluation: 2,000 queries against a million distractors, its steps and memory, beside torch", EvaluateBench.Run),
    ["fuzz"] = ("damaged files of every format: read or refused with one line, in bounded time and memory", FuzzBench.Run),
    ["kill"] = ("an index killed again and again: is it the one of an uninterrupted run?", KillBench.Run),
    ["photos"] = ("the whole way on real photographs: features with views, evaluation of pretrained and trained, over several splits", PhotosBench.Run),
    ["preprocess"] = ("decode, resize and crop: equality with Pillow's pixels, and images a second beside Pillow + torchvision", PreprocessBench.Run),
    ["index"] = ("indexing: images a second beside the encoder and the preprocessing alone, and memory", IndexBench.Run),
    ["retrieval"] = ("real photographs: do encoders find the others of the same subject?", RetrievalBench.Run),
    ["rotation"] = ("training on features whose rotation is known: recall before and after beside the ceiling, with and without the regulariser", RotationBench.Run),
    ["shapes"] = ("a generator trained from nothing on shapes in colours: does it draw what the prompt says, and customized what it never saw?", ShapesBench.Run),
    ["startup"] = ("how long 'whence --help' takes, and which native libraries 'whence attribute' loads", StartupBench.Run),
    ["train"] = ("training at the paper's size, 100 epochs, beside the same loop in PyTorch", TrainBench.Run),
    ["search"] = ("exact search of a million vectors: time and memory beside faiss, torch and libtorch, growth, disk", SearchBench.Run),
};

if (args is [var name, ..] && benches.TryGetValue(name, out var bench))
{
    var figures = bench.Run(args[1..]);
    figures["bench"] = name;
    figures["date"] = DateTime.UtcNow.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
    Console.WriteLine(figures.ToJsonString());
    return 0;
}

foreach (var (known, (what, _)) in benches)
{
    Console.WriteLine($"{known,-16} {what}");
}

return args.Length == 0 ? 0 : 2;
