namespace Whence.Bench.BaseModel;

/// <summary>Which prompts a model is asked: plain drawings and treatments in turns, the styles of each in turns, objects at random.</summary>
internal static class PromptChoice
{
    /// <summary>Captions that the model was trained with.</summary>
    /// <param name="trained">All that it was trained with.</param>
    /// <param name="count">Prompts; fewer where there are not so many.</param>
    /// <param name="seed">The same seed gives the same prompts.</param>
    /// <param name="after">Prompts that are passed over: those that are asked for by this count, which then are others than these.</param>
    public static IReadOnlyList<AskedPrompt> Seen(IReadOnlyList<Drawing> trained, int count, long seed, int after = 0) =>
        [.. Draw([.. trained.DistinctBy(d => d.Caption).Select(d => new AskedPrompt(d.Caption, d.Content))], after + count, seed).Skip(after)];

    /// <summary>Objects in styles, each of which it was trained with, but never together.</summary>
    /// <param name="trained">All that it was trained with.</param>
    /// <param name="drawn">Pairs of an object and a style that are left out, since there is such a picture: one that the data set dropped, say, as the model was trained with its twin.</param>
    /// <param name="captionOf">The caption of an object in a style.</param>
    /// <param name="count">Prompts; fewer where there are not so many.</param>
    /// <param name="seed">The same seed gives the same prompts.</param>
    public static IReadOnlyList<AskedPrompt> Unseen(
        IReadOnlyList<Drawing> trained, IReadOnlySet<(string Object, string Style)> drawn, Func<string, string, string> captionOf, int count, long seed)
    {
        var together = trained.Select(d => (d.Content.Object, d.Content.Style)).ToHashSet();
        var objects = trained.Select(d => d.Content).DistinctBy(c => c.Object).ToArray();
        return Draw(
            [
                .. from style in trained.Select(d => d.Content).DistinctBy(c => c.Style)
                   from item in objects
                   where !together.Contains((item.Object, style.Style)) && !drawn.Contains((item.Object, style.Style))
                   select new AskedPrompt(captionOf(item.Object, style.Style), item with { Style = style.Style, IsTreated = style.IsTreated }),
            ],
            count,
            seed);
    }

    private static List<AskedPrompt> Draw(IReadOnlyList<AskedPrompt> among, int count, long seed)
    {
        var kinds = among.GroupBy(p => p.Content.IsTreated).OrderBy(kind => kind.Key)
            .Select(kind => InTurns([.. kind.GroupBy(p => p.Content.Style).OrderBy(style => style.Key, StringComparer.Ordinal).Select((style, i) => Shuffled([.. style], seed, i))]));
        return [.. InTurns([.. kinds]).Take(count)];
    }

    // The first of each, the second of each, ..., for as long as one has any.
    private static IReadOnlyList<AskedPrompt> InTurns(IReadOnlyList<IReadOnlyList<AskedPrompt>> lists) =>
        [.. lists.SelectMany((list, i) => list.Select((prompt, place) => (prompt, place, i))).OrderBy(p => p.place).ThenBy(p => p.i).Select(p => p.prompt)];

    private static IReadOnlyList<AskedPrompt> Shuffled(AskedPrompt[] prompts, long seed, int stream)
    {
        var order = Enumerable.Range(0, prompts.Length).ToArray();
        new SplitMix64(seed, stream).Shuffle(order);
        return [.. order.Select(i => prompts[i])];
    }
}
