using System.Reflection;
using System.Text.RegularExpressions;

namespace Whence.Tests;

/// <summary>Holds <c>docs/architecture.md</c> against the code.</summary>
public partial class ArchitectureTests
{
    private static readonly string Library = Path.Combine(SharedData.RepositoryRoot, "src", "Whence");
    private static readonly string TorchLibrary = Path.Combine(SharedData.RepositoryRoot, "src", "Whence.Torch");

    // The data's one way: a folder uses only what lies before it. Files lies under all of them.
    private static readonly string[] Hallway = ["Files", "Images", "Vectors", "Encoders", "Mapping", "Calibration", "Search", "Datasets", "Evaluation", "Reports"];

    [Fact]
    public void The_library_knows_no_torch_no_console_and_no_http()
    {
        var forbidden = typeof(Attributor).Assembly.GetReferencedAssemblies().Select(a => a.Name!)
            .Where(name => name.Contains("Torch", StringComparison.Ordinal) || name.Contains("AspNetCore", StringComparison.Ordinal)
                || name is "System.Console" or "System.Net.Http" or "System.Net.Sockets" || name.StartsWith("Spectre", StringComparison.Ordinal));
        Assert.Empty(forbidden);
    }

    [Fact]
    public void What_learns_knows_the_library_and_nothing_above_it()
    {
        var references = typeof(Whence.Torch.Mapping.MapperTrainer).Assembly.GetReferencedAssemblies().Select(a => a.Name!).ToArray();
        Assert.Contains("Whence", references);
        Assert.DoesNotContain(references, name => name.StartsWith("Whence.", StringComparison.Ordinal) || name.Contains("AspNetCore", StringComparison.Ordinal)
            || name is "System.Console" or "System.Net.Http" || name.StartsWith("Spectre", StringComparison.Ordinal));
    }

    [Fact]
    public void Data_never_goes_backwards_through_the_house()
    {
        var backwards =
            from file in SourceFiles()
            let folder = Path.GetRelativePath(Library, file).Split(Path.DirectorySeparatorChar)[0]
            let room = Array.IndexOf(Hallway, folder)
            where room >= 0
            from Match match in UsingWhence().Matches(File.ReadAllText(file))
            let used = Array.IndexOf(Hallway, match.Groups[1].Value)
            where used > room
            select $"{Path.GetRelativePath(Library, file)} uses {match.Groups[1].Value}";
        Assert.Empty(backwards);
    }

    [Fact]
    public void Every_folder_is_a_room_of_the_plan()
    {
        var folders = Directory.EnumerateDirectories(Library).Select(d => Path.GetFileName(d)!).Where(d => d is not ("bin" or "obj"));
        Assert.Equal(Hallway.Order(StringComparer.Ordinal), folders.Order(StringComparer.Ordinal));
        var plan = File.ReadAllText(Path.Combine(SharedData.RepositoryRoot, "docs", "architecture.md"));
        var learning = Directory.EnumerateDirectories(TorchLibrary).Select(d => Path.GetFileName(d)!).Where(d => d is not ("bin" or "obj"));
        Assert.All(Hallway.Concat(learning), folder => Assert.Contains($"\n{folder}/ ", plan, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_file_that_the_pages_name_exists()
    {
        var method = File.ReadAllText(Path.Combine(SharedData.RepositoryRoot, "docs", "method.md"));
        var names = NamedFile().Matches(method).Select(m => Path.GetFileName(m.Groups[1].Value)).Distinct();
        Assert.Empty(names.Except(AllSourceFiles().Select(f => Path.GetFileName(f))));
    }

    [Fact]
    public void No_file_is_longer_than_400_lines() =>
        Assert.DoesNotContain(AllSourceFiles(), f => File.ReadLines(f).Count() > 400);

    [Fact]
    public void Library_types_have_no_public_fields()
    {
        var fields = typeof(Attributor).Assembly.GetExportedTypes().Concat(typeof(Whence.Torch.Mapping.MapperTrainer).Assembly.GetExportedTypes()).Where(t => !t.IsEnum)
            .SelectMany(t => t.GetFields(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly));
        Assert.Empty(fields);
    }

    private static IEnumerable<string> AllSourceFiles() => SourceFiles().Concat(SourceFiles(TorchLibrary));

    private static IEnumerable<string> SourceFiles() => SourceFiles(Library);

    private static IEnumerable<string> SourceFiles(string folder) => Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
        .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    [GeneratedRegex(@"^using Whence\.(\w+);", RegexOptions.Multiline)]
    private static partial Regex UsingWhence();

    [GeneratedRegex(@"`([\w/]+\.cs)`")]
    private static partial Regex NamedFile();
}
