namespace Whence.Datasets.Abc;

/// <summary>What the check of a whole data set found (<see cref="AbcCheck"/>), as <c>dataset.json</c> has it.</summary>
public sealed record AbcOutcome
{
    /// <summary>Customized models that were checked.</summary>
    public required int Checked { get; init; }

    /// <summary>Those that failed, and are in no list.</summary>
    public required IReadOnlyList<AbcDropped> Dropped { get; init; }

    /// <summary>Samples of all models.</summary>
    public required int Samples { get; init; }

    /// <summary>Of these, nearly equal to an exemplar of their model.</summary>
    public required int Copies { get; init; }

    /// <summary>What was found; null where the recipe has no check, or not all models are there yet.</summary>
    /// <param name="folder">Folder of the data set.</param>
    /// <exception cref="WhenceException">There is none, or it is damaged.</exception>
    public static AbcOutcome? Load(string folder) => AbcFolder.LoadHeader(folder).Outcome;

    /// <summary>The outcome of models that were judged.</summary>
    internal static AbcOutcome Of(IReadOnlyList<AbcRecord> models) => new()
    {
        Checked = models.Count(model => model.Check is not null),
        Dropped = [.. models.Where(model => model.Faults is not null).Select(model => new AbcDropped(model.Id, model.Faults!))],
        Samples = models.Sum(model => model.Samples.Count),
        Copies = models.Sum(model => model.Samples.Count(sample => sample.Copy == true)),
    };
}

/// <summary>A model that is in no list.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Faults">Why, at least one.</param>
public sealed record AbcDropped(string Id, IReadOnlyList<AbcFault> Faults);
