namespace Whence.Datasets.Abc;

/// <summary>Which images become the exemplars of which models: no image of a set is an exemplar twice.</summary>
internal static class AbcChoice
{
    private static readonly AbcSplit[] Splits = [AbcSplit.Train, AbcSplit.Validation, AbcSplit.Test];

    /// <summary>
    /// One image each. Categories of tests "unobserved" are held out with their whole groups, as many groups as their share of the models; of all others, instances are split: what is validated and tested
    /// with shows categories that are trained with, as far as these have more than one image. Where a set has classes that categories are words for, all this is said of classes.
    /// </summary>
    /// <exception cref="WhenceException">There are not enough, or a category is in two groups.</exception>
    public static IReadOnlyList<(AbcSplit Split, IReadOnlyList<AbcImage> Exemplars)> Objects(AbcSet set, IReadOnlyList<AbcImage> images, ref SplitMix64 random)
    {
        if (images.DistinctBy(image => (Kind(image), image.Group)).GroupBy(Kind, StringComparer.Ordinal).FirstOrDefault(category => category.Count() > 1) is { } several)
        {
            throw new WhenceException(
                $"The set '{set.Name}' has '{several.Key}' in the groups '{several.First().Group}' and '{several.Last().Group}', so that it cannot be held out with its group; name a column 'group' in which it has one value{(set.Class is null ? ", or in 'class' the narrower column by which it may be divided" : "")}.");
        }

        var groups = Groups(images, ref random);
        var (unobserved, wanted) = (set.Models.Unobserved, set.Models.Train + set.Models.Validation + set.Models.Test);
        var held = (int)((((long)groups.Count * unobserved) + unobserved + wanted - 1) / (unobserved + wanted));
        while (held < groups.Count && groups.Take(held).Sum(group => group.Count) < unobserved)
        {
            held++;
        }

        AbcImage[] apart = [.. Rounds(ByCategory([.. groups.Take(held).SelectMany(group => group)], ref random)).Take(unobserved)];
        AbcImage[] categories = [.. groups.Skip(held).SelectMany(group => group)];
        if (apart.Length < unobserved || categories.Length < wanted)
        {
            throw new WhenceException(
                $"The set '{set.Name}' asks for {unobserved:N0} images of unobserved categories and {wanted:N0} of others; of {images.Count:N0} in {groups.Count:N0} groups there are {apart.Length:N0} and {categories.Length:N0}. Ask for fewer models, or give more images.");
        }

        // Categories in turns: the first image of each, then the second of each. The first ones are trained with, so that those that follow show what was trained with.
        var order = Rounds(ByCategory(categories, ref random)).ToArray();
        var train = order.Take(set.Models.Train).ToArray();
        var trained = train.Select(Kind).ToHashSet(StringComparer.Ordinal);
        var rest = order.Skip(set.Models.Train).OrderBy(image => !trained.Contains(Kind(image))).ToArray(); // stable: else in their order
        return
        [
            .. train.Select(image => (AbcSplit.Train, One(image))),
            .. rest.Take(set.Models.Validation).Select(image => (AbcSplit.Validation, One(image))),
            .. rest.Skip(set.Models.Validation).Take(set.Models.Test).Select(image => (AbcSplit.Test, One(image))),
            .. apart.Select(image => (AbcSplit.Unobserved, One(image))),
        ];

        static IReadOnlyList<AbcImage> One(AbcImage image) => [image];
    }

    /// <summary>Some images of one style each. Every split has styles of its own, as many as its share of the models; where there are more models than styles, a style gives several, each with other images.</summary>
    /// <exception cref="WhenceException">There are not enough.</exception>
    public static IReadOnlyList<(AbcSplit Split, IReadOnlyList<AbcImage> Exemplars)> Styles(AbcSet set, IReadOnlyList<AbcImage> images, ref SplitMix64 random)
    {
        var groups = Groups(images, ref random).Where(group => group.Count >= set.LeastExemplars).ToArray();
        int[] counts = [set.Models.Train, set.Models.Validation, set.Models.Test];
        if (groups.Length < counts.Count(count => count > 0))
        {
            throw new WhenceException($"The set '{set.Name}' has {groups.Length:N0} styles with at least {set.LeastExemplars} images, fewer than splits with models; give more images, or lower 'leastExemplars'.");
        }

        var shares = Shares(counts, groups.Length);
        var (chosen, first) = (new List<(AbcSplit, IReadOnlyList<AbcImage>)>(), 0);
        for (var split = 0; split < counts.Length; split++)
        {
            var own = groups.AsSpan(first, shares[split]).ToArray();
            first += shares[split];
            int[] left = [.. own.Select(style => style.Count)];
            if (left.Sum(Models) < counts[split])
            {
                throw new WhenceException(
                    $"The set '{set.Name}' asks for {counts[split]:N0} models of {own.Length:N0} styles for {Splits[split].ToString().ToLowerInvariant()}, which have images for {left.Sum(Models):N0} only; ask for fewer models or exemplars, or give more images.");
            }

            for (var (model, at) = (0, 0); model < counts[split]; at = (at + 1) % own.Length)
            {
                // The styles in turns. One may take as many as leave enough for the models that only it can still give.
                var others = counts[split] - model - 1;
                var most = Math.Min(left[at] - (set.LeastExemplars * Math.Max(0, others - left.Where((_, i) => i != at).Sum(Models))), set.MostExemplars);
                if (most < set.LeastExemplars)
                {
                    continue; // too few are left
                }

                var turns = (others / own.Length) + 1; // models of this style, if all give as many
                var count = set.AllExemplars ? most : set.LeastExemplars + random.Next(Math.Clamp(left[at] / turns, set.LeastExemplars, most) - set.LeastExemplars + 1);
                chosen.Add((Splits[split], [.. own[at].Skip(own[at].Count - left[at]).Take(count)]));
                left[at] -= count;
                model++;
            }
        }

        return chosen;

        int Models(int images) => images / set.LeastExemplars;
    }

    // What instances are of: "Norwich terrier", where the category is "dog".
    private static string? Kind(AbcImage image) => image.Class ?? image.Category;

    // Groups in a random order, the images of each too.
    private static List<IReadOnlyList<AbcImage>> Groups(IReadOnlyList<AbcImage> images, ref SplitMix64 random)
    {
        var groups = Shuffled([.. images.GroupBy(image => image.Group, StringComparer.Ordinal).OrderBy(group => group.Key, StringComparer.Ordinal)], ref random);
        var shuffled = new List<IReadOnlyList<AbcImage>>();
        foreach (var group in groups)
        {
            shuffled.Add(Shuffled([.. group], ref random));
        }

        return shuffled;
    }

    private static IReadOnlyList<AbcImage>[] ByCategory(IReadOnlyList<AbcImage> images, ref SplitMix64 random) =>
        Shuffled([.. images.GroupBy(Kind, StringComparer.Ordinal).OrderBy(category => category.Key, StringComparer.Ordinal).Select(category => (IReadOnlyList<AbcImage>)[.. category])], ref random);

    /// <summary>The first of each, the second of each, ..., for as long as one has any.</summary>
    private static IEnumerable<T> Rounds<T>(IReadOnlyList<IReadOnlyList<T>> lists) =>
        lists.SelectMany((list, i) => list.Select((item, place) => (item, place, i))).OrderBy(entry => entry.place).ThenBy(entry => entry.i).Select(entry => entry.item);

    // At least one where there are models, the others by the models; the remainder goes to the first.
    private static int[] Shares(int[] counts, int groups)
    {
        var all = counts.Sum();
        int[] shares = [.. counts.Select(count => count == 0 ? 0 : Math.Max(1, (int)((long)groups * count / all)))];
        while (shares.Sum() > groups)
        {
            shares[Array.IndexOf(shares, shares.Max())]--;
        }

        shares[Array.FindIndex(counts, count => count > 0)] += groups - shares.Sum();
        return shares;
    }

    private static T[] Shuffled<T>(T[] items, ref SplitMix64 random)
    {
        int[] order = [.. Enumerable.Range(0, items.Length)];
        random.Shuffle(order);
        return [.. order.Select(i => items[i])];
    }
}
