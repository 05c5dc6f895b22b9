using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Whence.Search;
using Whence.Vectors;
using static TorchSharp.torch;

// libtorch's matrix product and topk over the features of an index, L2-normalised, as float32 or bfloat16. Answers each line of
// its input with one line:
//
//     ready      answers when everything is loaded
//     search N K the first N queries, top K, in blocks whose similarities fit 1 GB; answers with the seconds it took
//     found N K  ids and similarities of "search N K", as JSON
var (folder, threads, type) = (args[0], int.Parse(args[1], CultureInfo.InvariantCulture), args[2] == "bfloat16" ? ScalarType.BFloat16 : ScalarType.Float32);
set_num_threads(threads);
using var noGradients = no_grad();
using var rows = Load(FeatureIndex.Open(Path.Combine(folder, "index")), type);
using var columns = rows.t();
using var queries = LoadQueries(Path.Combine(folder, "queries.npy"), type);

while (Console.ReadLine() is { } line)
{
    var words = line.Split(' ');
    Console.WriteLine(words[0] switch
    {
        "search" => Search(Number(1), Number(2), null).ToString(CultureInfo.InvariantCulture),
        "found" => Found(Number(1), Number(2)),
        _ => rows.shape[0].ToString(CultureInfo.InvariantCulture),
    });
    int Number(int word) => int.Parse(words[word], CultureInfo.InvariantCulture);
}

double Search(int count, int top, Action<Tensor, Tensor>? each)
{
    var block = (int)Math.Clamp((1L << 30) / (rows.shape[0] * rows.element_size()), 1, count);
    var clock = Stopwatch.StartNew();
    for (var first = 0; first < count; first += block)
    {
        using var scope = NewDisposeScope();
        var similarities = queries[first..Math.Min(first + block, count)].matmul(columns);
        var (values, ids) = similarities.topk(top);
        each?.Invoke(values, ids);
    }

    return clock.Elapsed.TotalSeconds;
}

string Found(int count, int top)
{
    var (similarities, ids) = (new List<float[]>(), new List<long[]>());
    Search(count, top, (values, found) =>
    {
        similarities.AddRange(values.to_type(ScalarType.Float32).data<float>().ToArray().Chunk(top));
        ids.AddRange(found.data<long>().ToArray().Chunk(top));
    });
    return JsonSerializer.Serialize(new { ids, similarities });
}

static Tensor LoadQueries(string path, ScalarType type)
{
    using var file = NpyFile.Open(path);
    var values = new float[file.Rows * file.Columns];
    file.ReadRows(0, values);
    using var queries = tensor(values, file.Rows, file.Columns);
    return queries.to(type, copy: true);
}

// A block at a time, so that no second copy of the whole is ever there.
static Tensor Load(FeatureIndex index, ScalarType type)
{
    const int BlockRows = 8192;
    var dimension = index.Manifest.Dimension;
    var all = empty(index.Count, dimension, type);
    foreach (var part in index.Manifest.Parts)
    {
        using var file = index.OpenFeatures(part);
        for (var first = 0; first < part.Rows; first += BlockRows)
        {
            using var scope = NewDisposeScope();
            var values = new float[Math.Min(BlockRows, part.Rows - first) * dimension];
            file.ReadRows(first, values);
            Normalization.NormalizeRows(values, dimension);
            var at = part.FirstId + first;
            all[(int)at..(int)(at + (values.Length / dimension))].copy_(tensor(values, values.Length / dimension, dimension));
        }
    }

    return all;
}
