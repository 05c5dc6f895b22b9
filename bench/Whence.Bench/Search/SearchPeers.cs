using System.Diagnostics;

namespace Whence.Bench.Search;

/// <summary>The peers of the bench of the search; each loads the features of <c>folder/index</c> and waits for questions.</summary>
internal static class SearchPeers
{
    private static readonly Lazy<string> LibtorchProgram = new(BuildLibtorch);

    /// <summary>Debian's <c>faiss.IndexFlatIP</c>: <c>search N K</c>, <c>blas N K</c>, <c>found N K</c>.</summary>
    public static Peer Faiss(string folder, int threads) => Ready("faiss", new Peer("search.py", threads, folder, $"{threads}"));

    /// <summary>Debian's torch, as the authors use it: <c>matmul N</c>, <c>argsort N</c>, <c>ranks FILE</c>.</summary>
    public static Peer Torch(string folder, int threads) => Ready("torch", new Peer("search-torch.py", threads, folder, $"{threads}"));

    /// <summary>The definition in float64, not timed: <c>exact N K</c>, <c>ranks FILE</c>.</summary>
    public static Peer Float64(string folder, int threads) => Ready("float64", new Peer("search-float64.py", threads, folder));

    /// <summary>libtorch 2.10 through TorchSharp, <c>float32</c> or <c>bfloat16</c>: <c>search N K</c>, <c>found N K</c>.</summary>
    public static Peer Libtorch(string folder, int threads, string type) =>
        Ready($"libtorch {type}", new Peer(threads, "dotnet", [LibtorchProgram.Value, folder, $"{threads}", type]));

    private static Peer Ready(string name, Peer peer)
    {
        Console.Error.WriteLine($"{name}: {peer.Ask("ready")} vectors"); // and the BLAS, where a Python peer uses one
        return peer;
    }

    /// <summary>The project is none of the solution's, so it is restored and built when it is first needed.</summary>
    private static string BuildLibtorch()
    {
        var project = Path.Combine(Repository.Root, "bench", "peers", "libtorch");
        Dotnet("build", project, "-c", "Release", "--nologo", "-v", "quiet", "-clp:ErrorsOnly");
        return Dotnet("msbuild", project, "-p:Configuration=Release", "-getProperty:TargetPath");

        string Dotnet(params string[] arguments)
        {
            using var process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true })!;
            var output = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{project} cannot be built:\n{output}");
        }
    }
}
