namespace Whence.Datasets.Prompts;

/// <summary>
/// The prompts of a data set, a folder with four lists: <c>objects/*.txt</c>, each for some categories or for any, <c>mediums.txt</c>, <c>styles.txt</c> and <c>style-objects.txt</c>. These are
/// the paper's: for objects what a chat model wrote for each category, and an object in different mediums; for styles captions of paintings, and different things in a style.
/// </summary>
public sealed class PromptFolder
{
    /// <summary>Folder of the lists of objects.</summary>
    public const string ObjectsName = "objects";

    /// <summary>Name of the list of mediums.</summary>
    public const string MediumsName = "mediums.txt";

    /// <summary>Name of the list of captions for styles.</summary>
    public const string StylesName = "styles.txt";

    /// <summary>Name of the list of things in a style.</summary>
    public const string StyleObjectsName = "style-objects.txt";

    private readonly string _folder;
    private readonly PromptFile[] _objects;
    private readonly Dictionary<string, PromptFile> _lists;

    private PromptFolder(string folder, PromptFile[] objects, Dictionary<string, PromptFile> lists) => (_folder, _objects, _lists) = (folder, objects, lists);

    /// <summary>Categories that a list names, in ordinal order.</summary>
    public IReadOnlyList<string> Categories => [.. _objects.SelectMany(f => f.Categories).Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.Ordinal)];

    /// <summary>Reads the lists that are there. Lists that are used together have no prompt in two splits.</summary>
    /// <exception cref="WhenceException">There is none, a file is not understood, or a prompt is in two splits.</exception>
    public static PromptFolder Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var loaded = new PromptFolder(folder, ObjectFiles(folder), ((string[])[MediumsName, StylesName, StyleObjectsName])
            .Where(name => File.Exists(Path.Combine(folder, name))).ToDictionary(name => name, name => PromptFile.Load(Path.Combine(folder, name)), StringComparer.Ordinal));
        if (loaded._objects.Length == 0 && loaded._lists.Count == 0)
        {
            throw new WhenceException($"{folder}: holds no prompts: {ObjectsName}/*.txt, {MediumsName}, {StylesName} or {StyleObjectsName}; the repository has some in prompts/.");
        }

        loaded.Check();
        return loaded;
    }

    /// <summary>Prompts of objects of a category: of all lists that name it and have an approved prompt, or, where none does, of those for any. Case does not count.</summary>
    /// <exception cref="WhenceException">There is no such list.</exception>
    public PromptList ObjectsOf(string category)
    {
        ArgumentException.ThrowIfNullOrEmpty(category);
        return Applying(_objects, category) is { Length: > 0 } files
            ? PromptList.Of(files, category)
            : throw new WhenceException($"{_folder}: has no prompts for '{category}': no file in {ObjectsName}/ names it, and none is for any category; write one, or ask a chat model (whence dataset prompts --category).");
    }

    /// <summary>An object of a category in different mediums.</summary>
    /// <exception cref="WhenceException">There is no such list.</exception>
    public PromptList Mediums(string category) => PromptList.Of([List(MediumsName)], category);

    /// <summary>Captions in a style.</summary>
    /// <exception cref="WhenceException">There is no such list.</exception>
    public PromptList Styles() => PromptList.Of([List(StylesName)]);

    /// <summary>Different things in a style.</summary>
    /// <param name="template">As of <see cref="PromptList.Load"/>.</param>
    /// <exception cref="WhenceException">There is no such list.</exception>
    public PromptList StyleObjects(string? template = null) => PromptList.Of([List(StyleObjectsName)], template: template);

    /// <summary>Where the prompts of a category that a chat model writes have their place in a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="category">The category, as of <see cref="PromptQuery.Objects"/>.</param>
    public static string PathOf(string folder, string category)
    {
        ArgumentNullException.ThrowIfNull(category);
        return Path.Combine(folder, ObjectsName, $"{category.ToLowerInvariant().Replace(' ', '-').Replace('\'', '-')}.txt");
    }

    /// <summary>What a folder has for a category besides one file, whatever is approved: a chat model need not write it again.</summary>
    /// <exception cref="WhenceException">A file is not understood.</exception>
    public static IReadOnlyList<PromptFile> Others(string folder, string category) =>
        [.. ObjectFiles(folder).Where(f => Path.GetFullPath(f.Path) != Path.GetFullPath(PathOf(folder, category)) && (f.Categories.Count == 0 || f.Categories.Contains(category, StringComparer.OrdinalIgnoreCase)))];

    // In ordinal order; none where there is no such folder.
    private static PromptFile[] ObjectFiles(string folder) => Path.Combine(folder, ObjectsName) is var objects && Directory.Exists(objects)
        ? [.. Directory.EnumerateFiles(objects, "*.txt").Order(StringComparer.Ordinal).Select(PromptFile.Load)]
        : [];

    /// <summary>Of files for objects those that name a category and have an approved prompt; where none does, those for any.</summary>
    private static PromptFile[] Applying(IReadOnlyList<PromptFile> files, string category) =>
        files.Where(f => f.Categories.Contains(category, StringComparer.OrdinalIgnoreCase) && f.Lines.Any(l => l.State == PromptState.Approved)).ToArray() is { Length: > 0 } own
            ? own
            : [.. files.Where(f => f.Categories.Count == 0)];

    private PromptFile List(string name) => _lists.GetValueOrDefault(name) ?? throw new WhenceException($"{_folder}: has no {name}; the repository has one in prompts/.");

    // Both kinds of prompt of one model are checked together: what one is tested with, the other may not be trained with.
    private void Check()
    {
        PromptFile[] mediums = [.. _lists.Where(l => l.Key == MediumsName).Select(l => l.Value)];
        foreach (var category in Categories.DefaultIfEmpty("thing"))
        {
            Together([.. Applying(_objects, category), .. mediums], category);
        }

        Together([.. _objects.Where(f => f.Categories.Count == 0), .. mediums], null);
        Together([.. _lists.Where(l => l.Key != MediumsName).Select(l => l.Value)], null);
    }

    private static void Together(PromptFile[] files, string? category)
    {
        if (files.Length > 0)
        {
            _ = PromptList.Of(files, category);
        }
    }
}
