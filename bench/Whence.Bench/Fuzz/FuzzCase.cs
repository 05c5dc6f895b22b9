namespace Whence.Bench.Fuzz;

/// <summary>One damaged file, determined by a seed and a number.</summary>
internal sealed record FuzzCase(int Number, FuzzFormat Format, FuzzSeed Seed, byte[] Bytes)
{
    // Formats take turns, so that any run of consecutive numbers holds all of them.
    public static FuzzFormat[] Turns(IReadOnlyList<FuzzFormat> formats) =>
        [.. Enumerable.Range(0, formats.Max(f => f.Weight)).SelectMany(round => formats.Where(f => f.Weight > round))];

    public static FuzzCase Create(int seed, int number, FuzzFormat[] turns)
    {
        var random = new Random(unchecked((seed * (int)0x9E3779B9) ^ (number * (int)0x85EBCA6B)));
        var format = turns[number % turns.Length];
        var sound = format.Seeds[random.Next(format.Seeds.Count)];
        var bytes = Mutation.Apply(sound.Bytes, format.Seeds[random.Next(format.Seeds.Count)].Bytes, format.IsText, random);
        return new FuzzCase(number, format, sound, random.Next(2) == 0 && format.Repair is { } repair && bytes.Length > 16 ? repair(bytes) : bytes);
    }

    /// <summary>Lays the files into a folder and reads the damaged one.</summary>
    /// <returns>The first refusal, or null.</returns>
    public string? Run(string folder)
    {
        foreach (var (path, bytes) in Seed.Beside.Append((Seed.Path, Bytes)))
        {
            var place = Path.Combine(folder, path);
            Directory.CreateDirectory(Path.GetDirectoryName(place)!);
            File.WriteAllBytes(place, bytes);
        }

        var attempt = new Attempt(folder, Path.Combine(folder, Seed.Path), Number);
        attempt.Try(() => Format.Read(attempt));
        return attempt.Refusal;
    }
}
