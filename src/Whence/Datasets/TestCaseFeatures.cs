using Whence.Vectors;

namespace Whence.Datasets;

/// <summary>The exemplars of a model: rows <paramref name="Start"/> to <paramref name="End"/> - 1 of the test case's exemplars.</summary>
/// <param name="Start">First row.</param>
/// <param name="End">Row after the last one.</param>
public readonly record struct ExemplarChunk(int Start, int End)
{
    /// <summary>n, the number of exemplars, at least 1.</summary>
    public int Count => End - Start;
}

/// <summary>Features of the images that the models of a test case made with prompts of one type: the queries.</summary>
/// <param name="Type">Type of the prompts: <c>gpt</c>, <c>media</c>, <c>object</c>, ...</param>
/// <param name="Features">Raw features, queries x d.</param>
/// <param name="Models">Per query the number of the model that made it.</param>
/// <param name="Paths">Per query the path of the image; null where the file does not say.</param>
/// <param name="Views">Raw features of N augmented views of each query: row q * N + v is view v of query q. Null where there are none.</param>
public sealed record PromptFeatures(
    string Type, FeatureMatrix Features, IReadOnlyList<int> Models, IReadOnlyList<string>? Paths, FeatureMatrix? Views = null);

/// <summary>
/// Raw features of all images of a test case: the exemplars of its models, and what the models made with prompts of each type. The images
/// themselves are not needed any more.
/// </summary>
public sealed class TestCaseFeatures
{
    /// <summary>Joins features and checks that they fit together.</summary>
    /// <param name="name">What the test case is called in results.</param>
    /// <param name="exemplars">m x d, every model's exemplars.</param>
    /// <param name="chunks">Per model its rows of <paramref name="exemplars"/>: none empty, each row in exactly one.</param>
    /// <param name="prompts">The queries by type of prompts, at least one type; no type twice.</param>
    /// <param name="exemplarPaths">m paths, or null.</param>
    /// <param name="encoder">Name of the encoder, or null where nobody says.</param>
    /// <param name="exemplarViews">N augmented views of each exemplar, (m N) x d, row e * N + v is view v of exemplar e; null for none. The prompts then have as many.</param>
    /// <param name="columns">What is known of the models, by name: a text or null per model. Null for nothing.</param>
    /// <exception cref="WhenceException">They do not fit together, or a feature is not finite.</exception>
    public TestCaseFeatures(
        string name,
        FeatureMatrix exemplars,
        IReadOnlyList<ExemplarChunk> chunks,
        IReadOnlyList<PromptFeatures> prompts,
        IReadOnlyList<string>? exemplarPaths = null,
        string? encoder = null,
        FeatureMatrix? exemplarViews = null,
        IReadOnlyDictionary<string, IReadOnlyList<string?>>? columns = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(exemplars);
        ArgumentNullException.ThrowIfNull(chunks);
        ArgumentNullException.ThrowIfNull(prompts);
        (Name, Exemplars, Chunks, Prompts, ExemplarPaths, Encoder) = (name, exemplars, chunks, prompts, exemplarPaths, encoder);
        (ExemplarViews, Columns) = (exemplarViews, columns ?? new Dictionary<string, IReadOnlyList<string?>>());
        CheckChunks();
        CheckFeatures("exemplars", exemplars, exemplarPaths);
        if (prompts.Count == 0 || prompts.DistinctBy(p => p.Type, StringComparer.Ordinal).Count() != prompts.Count)
        {
            throw Bad($"has {prompts.Count} types of prompts ({Listing.Of([.. prompts.Select(p => p.Type)])}), expected at least one and none twice");
        }

        foreach (var prompt in prompts)
        {
            CheckPrompt(prompt);
        }

        ViewsPerImage = CheckViews();
        foreach (var (column, values) in Columns)
        {
            if (column.Length == 0 || values.Count != chunks.Count)
            {
                throw Bad($"column '{column}' has {values.Count} values for {chunks.Count} models");
            }
        }
    }

    /// <summary>What the test case is called in results: of a file its name without folder and extension.</summary>
    public string Name { get; }

    /// <summary>Raw features of the exemplars, m x d.</summary>
    public FeatureMatrix Exemplars { get; }

    /// <summary>Per model its exemplars: none empty, and each exemplar in exactly one.</summary>
    public IReadOnlyList<ExemplarChunk> Chunks { get; }

    /// <summary>The queries by type of prompts, at least one type.</summary>
    public IReadOnlyList<PromptFeatures> Prompts { get; }

    /// <summary>Paths of the exemplars; null where the file does not say.</summary>
    public IReadOnlyList<string>? ExemplarPaths { get; }

    /// <summary>Name of the encoder that made the features; null where the file does not say.</summary>
    public string? Encoder { get; }

    /// <summary>Raw features of N augmented views of each exemplar, (m N) x d: row e * N + v is view v of exemplar e. Null where there are none.</summary>
    public FeatureMatrix? ExemplarViews { get; }

    /// <summary>N, the number of augmented views of every exemplar and every query; 0 where there are none.</summary>
    public int ViewsPerImage { get; }

    /// <summary>
    /// What is known of the models, by name (<c>class_id</c>, <c>category</c>, and what other text the test case's JSON has): per model a text, or
    /// null where it has none. Empty where the file does not say.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string?>> Columns { get; }

    /// <summary>d, the length of every feature.</summary>
    public int Dimension => Exemplars.Columns;

    /// <summary>
    /// Loads the authors' .pth (<c>exemplar_paths, exemplar_chunks, exemplar_tensors, synth_paths, synth_ids, synth_tensors</c>) or Whence's
    /// .safetensors (<c>docs/formats.md</c>), told by the content.
    /// </summary>
    /// <exception cref="WhenceException">Missing, damaged, or not laid out so.</exception>
    public static TestCaseFeatures Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        bool torch;
        using (var file = MappedFile.Open(path))
        {
            // A list of models in JSON begins so, plain or compressed; a header's length of so many bytes would be no file's.
            if (file.Bytes(0, 1)[0] is (byte)'[' or 0x1f && !SafetensorsHeader.LooksLikeSafetensors(file))
            {
                throw new WhenceException($"'{path}' lists the images of a test case, where their features are needed; extract them with 'whence features {path} --encoder NAME --out FILE'.");
            }

            torch = TorchFile.LooksLikeTorch(file);
        }

        try
        {
            return torch ? TestCaseFiles.ReadTorch(path) : TestCaseFiles.ReadSafetensors(path);
        }
        catch (WhenceException e) when (!e.Message.Contains(path, StringComparison.Ordinal))
        {
            throw new WhenceException($"'{path}': {e.Message}", e);
        }
    }

    /// <summary>Writes a .safetensors file beside its place and renames it. The same features give the same bytes.</summary>
    /// <exception cref="WhenceException">It cannot be written.</exception>
    public void Save(string path) => TestCaseFiles.Write(path, this);

    // Sorted by start they must lie end to end: an exemplar in two models would be right for both, one in none could not be found.
    private void CheckChunks()
    {
        var next = 0;
        foreach (var (model, chunk) in Chunks.Index().OrderBy(c => c.Item.Start).ThenBy(c => c.Item.End))
        {
            var problem = chunk.End <= chunk.Start ? "is empty"
                : chunk.Start < next ? $"overlaps with the one that ends at {next}"
                : chunk.Start > next ? $"leaves out exemplars {next} to {chunk.Start - 1}"
                : chunk.End > Exemplars.Rows ? $"reaches beyond the {Exemplars.Rows} exemplars"
                : null;
            next = problem is null ? chunk.End : throw Bad($"chunk {model}, exemplars {chunk.Start} to {chunk.End - 1}, {problem}");
        }

        if (next != Exemplars.Rows || Chunks.Count == 0)
        {
            throw Bad($"its {Chunks.Count} chunks hold {next} exemplars where there are {Exemplars.Rows}");
        }
    }

    private void CheckPrompt(PromptFeatures prompt)
    {
        if (prompt.Type.Length == 0 || prompt.Features.Rows == 0)
        {
            throw Bad($"prompt type '{prompt.Type}' has {prompt.Features.Rows} queries, expected a name and at least one");
        }

        if (prompt.Models.Count != prompt.Features.Rows)
        {
            throw Bad($"prompt type '{prompt.Type}' has {prompt.Features.Rows} queries and {prompt.Models.Count} ids of models");
        }

        foreach (var (query, model) in prompt.Models.Index())
        {
            if (model < 0 || model >= Chunks.Count)
            {
                throw Bad($"query {query} of prompt type '{prompt.Type}' was made by model {model}, expected 0 to {Chunks.Count - 1}");
            }
        }

        CheckFeatures($"queries of prompt type '{prompt.Type}'", prompt.Features, prompt.Paths);
    }

    private void CheckFeatures(string what, FeatureMatrix features, IReadOnlyList<string>? paths)
    {
        if (features.Columns != Dimension)
        {
            throw Bad($"the {what} have {features.Columns} values each, the exemplars {Dimension}");
        }

        if (paths is not null && paths.Count != features.Rows)
        {
            throw Bad($"there are {features.Rows} {what} and {paths.Count} paths of them");
        }

        var span = features.Span;
        for (var i = 0; i < span.Length; i++)
        {
            if (!float.IsFinite(span[i]))
            {
                var row = i / features.Columns;
                throw Bad($"row {row} of the {what}{(paths is null ? "" : $" ({paths[row]})")} holds {span[i]}, expected finite numbers");
            }
        }
    }

    // Training pairs a view of an exemplar with a view of a query: one without the other is of no use.
    private int CheckViews()
    {
        var per = ExemplarViews is null ? 0 : ExemplarViews.Rows / Exemplars.Rows;
        if (ExemplarViews is not null)
        {
            CheckRows("views of exemplars", ExemplarViews, Exemplars.Rows, Math.Max(per, 1));
        }

        foreach (var prompt in Prompts)
        {
            var what = $"views of queries of prompt type '{prompt.Type}'";
            if (prompt.Views is null != ExemplarViews is null)
            {
                throw Bad($"there are {(prompt.Views is null ? "no" : prompt.Views.Rows)} {what} and {(ExemplarViews is null ? "no" : ExemplarViews.Rows)} views of exemplars");
            }

            if (prompt.Views is not null)
            {
                CheckRows(what, prompt.Views, prompt.Features.Rows, per);
            }
        }

        return per;

        void CheckRows(string what, FeatureMatrix views, int images, int expected)
        {
            if (views.Rows != (long)images * expected)
            {
                throw Bad($"there are {views.Rows} {what}, expected {expected} of each of the {images} images");
            }

            CheckFeatures(what, views, paths: null);
        }
    }

    private WhenceException Bad(string problem) => new($"test case '{Name}': {problem}; extract the features again.");
}
