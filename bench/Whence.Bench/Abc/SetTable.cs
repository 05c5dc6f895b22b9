using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Whence.Evaluation;

namespace Whence.Bench.Abc;

/// <summary>Means over the models of each set of a data set, with intervals.</summary>
internal static class SetTable
{
    private const int Resamples = 10_000;

    /// <summary>Prints a row for each set.</summary>
    /// <param name="title">What stands above.</param>
    /// <param name="models">What was measured of each model.</param>
    /// <param name="setOf">The set of a model.</param>
    /// <param name="seed">Of the resamples.</param>
    /// <param name="columns">Names, and values of a model; null where it has none.</param>
    /// <returns>The rows: mean, 95 % interval over models, of how many models, and of how many it is above 0.</returns>
    public static JsonArray Print<T>(string title, IReadOnlyList<T> models, Func<T, string> setOf, int seed, params (string Name, Func<T, double?> Of)[] columns)
    {
        Console.WriteLine($"\n{title}");
        Console.WriteLine($"{"set",-12}{"models",8}{string.Concat(columns.Select(column => $"{column.Name,34}"))}");
        var rows = new JsonArray();
        foreach (var set in models.GroupBy(setOf))
        {
            T[] own = [.. set];
            var (text, json) = (new StringBuilder($"{set.Key,-12}{own.Length,8}"), new JsonObject { ["set"] = set.Key, ["models"] = own.Length });
            foreach (var (name, value) in columns)
            {
                double[] values = [.. own.Select(value).OfType<double>()];
                var cell = "";
                if (values.Length > 0)
                {
                    var interval = Bootstrap.Interval(new Bootstrap(values.Length, Resamples, new Random(seed)).Means(values, Array.ConvertAll(values, _ => 1)))!.Value;
                    cell = string.Create(CultureInfo.InvariantCulture, $"{values.Average():F3} ({interval.Low:F3} to {interval.High:F3}){(values.Length < own.Length ? $" of {values.Length}" : "")}");
                    json[name] = new JsonObject { ["mean"] = values.Average(), ["low"] = interval.Low, ["high"] = interval.High, ["models"] = values.Length, ["above0"] = values.Count(v => v > 0) };
                }

                text.Append(CultureInfo.InvariantCulture, $"{cell,34}");
            }

            Console.WriteLine(text);
            rows.Add(json);
        }

        return rows;
    }
}
