using System.Globalization;
using FsCheck.Xunit;
using Whence.Search;

namespace Whence.Tests.Search;

public sealed class MetadataPredicateTests : IDisposable
{
    // Row by row: what a creator, a year and a "two words" column hold; "-" for missing.
    private static readonly (string Creator, string Year, string Words)[] Rows =
    [
        ("Ann Lee", "1990", "-"), ("Ann Lee", "1989.5", "a"), ("ann lee", "-", "100%"), ("O'Hara", "about 1990", "-"),
        ("-", "2001", "under_score"), ("-", "-", "-"), ("", " 1e3 ", "😀b"), ("Zoë", "NaN", "b"), ("Zoe", "-5", "\n"), ("Ann", "1990.0", "-"),
    ];

    private readonly TempFolder _temp = new();

    public MetadataPredicateTests()
    {
        using var writer = TestIndex.NewWriter(_temp["index"], 1, partSize: 4);
        foreach (var (i, row) in Rows.Index())
        {
            var extra = new[] { ("creator", row.Creator), ("year", row.Year), ("two words", row.Words) };
            writer.Add(TestIndex.Row(i, extra.Where(e => e.Item2 != "-").ToDictionary(e => e.Item1, e => e.Item2)), [1]);
        }

        writer.Commit();
    }

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("creator = 'Ann Lee'", 0, 1)]
    [InlineData("creator != 'Ann Lee'", 2, 3, 6, 7, 8, 9)]
    [InlineData("creator = 'O''Hara'", 3)]
    [InlineData("creator = ''", 6)]
    [InlineData("creator < 'Ann Lee'", 6, 9)]
    [InlineData("creator >= 'Zoe'", 2, 7, 8)]
    [InlineData("year = 1990", 0, 9)]
    [InlineData("year = 19.9e2", 0, 9)]
    [InlineData("year = '1990'", 0)]
    [InlineData("year != 1990", 1, 4, 6, 8)]
    [InlineData("year > 1990", 4)]
    [InlineData("year >= 1990", 0, 4, 9)]
    [InlineData("year < -4.5", 8)]
    [InlineData("year <= +1000", 6, 8)]
    [InlineData("year<1990 and(year>-6)", 1, 6, 8)]
    [InlineData("year in (1990, 'NaN', 2001)", 0, 4, 7, 9)]
    [InlineData("year not in (1990, 'NaN', 2001)", 1, 6, 8)]
    [InlineData("year not in ('1990')", 1, 3, 4, 6, 7, 8, 9)]
    [InlineData("not year in ('1990')", 1, 3, 4, 6, 7, 8, 9)]
    [InlineData("year is missing", 2, 5)]
    [InlineData("creator is not missing", 0, 1, 2, 3, 6, 7, 8, 9)]
    [InlineData("NOT creator IS Missing AND year IS MISSING OR id = 4", 2, 4)]
    [InlineData("creator like 'Ann%'", 0, 1, 9)]
    [InlineData("creator like '%e'", 2, 0, 1, 8)]
    [InlineData("creator not like '%n%'", 3, 6, 7, 8)]
    [InlineData("creator like 'Zo_'", 7, 8)]
    [InlineData("\"two words\" like '_b'", 6)]
    [InlineData("\"two words\" like '%'", 1, 2, 4, 6, 7, 8)]
    [InlineData("\"two words\" contains '%'", 2)]
    [InlineData("\"two words\" not contains '_'", 1, 2, 6, 7, 8)]
    [InlineData("key contains '7'", 7)]
    [InlineData("source = '/images/00003.png'", 3)]
    [InlineData("width > 17 and height = 20", 8, 9)]
    [InlineData("caption is missing", 1, 3, 5, 7, 9)]
    [InlineData("id >= 3 and id < 6", 3, 4, 5)]
    [InlineData("sha256 like '%a' or sha256 like '%9'", 9)]
    [InlineData("id = 1 or id = 2 and id = 3", 1)]
    [InlineData("(id = 1 or id = 2) and not (id = 2)", 1)]
    [InlineData("not not id = 1", 1)]
    [InlineData("creator = 'Ann Lee' and (year >= 1990 or not \"two words\" in ('b', 'c'))", 0, 1)]
    [InlineData("not (year = 1990 or creator = 'Zoe')", 1, 6)]
    [InlineData("not (year = 1990 and creator = 'Zoe')", 0, 1, 2, 3, 6, 7, 4, 8, 9)]
    public void Chooses(string filter, params int[] expected) =>
        Assert.Equal(expected.Order(), Chosen(filter));

    [Theory]
    [InlineData("", 1, "expected a column, 'not' or '(', found the end")]
    [InlineData("  ", 3, "found the end")]
    [InlineData("creator", 8, "expected =, !=, <, <=, >, >=, 'in', 'like', 'contains' or 'is', found the end")]
    [InlineData("creator = ", 11, "expected a number or a text in single quotes, found the end")]
    [InlineData("creator = Ann", 11, "expected a number or a text in single quotes, found 'Ann'")]
    [InlineData("creator = \"Ann\"", 11, "found \"Ann\" (double quotes are for columns)")]
    [InlineData("creator = 'Ann", 11, "the quote ' is not closed")]
    [InlineData("\"creator", 1, "the quote \" is not closed")]
    [InlineData("'creator' = 1", 1, "expected a column, 'not' or '(', found the text 'creator'")]
    [InlineData("creator = 'Ann' 'Lee'", 17, "expected 'and', 'or' or the end, found the text 'Lee'")]
    [InlineData("year = 1990-01-02", 8, "'1990-01-02' is no number; text goes in single quotes")]
    [InlineData("year = 1e999", 8, "'1e999' is no number")]
    [InlineData("year = 1,990", 9, "found ','")]
    [InlineData("year == 1990", 7, "found '='")]
    [InlineData("year in ()", 10, "expected a number or a text in single quotes, found ')'")]
    [InlineData("year in (1 2)", 12, "expected ',' or ')', found '2'")]
    [InlineData("year in 1", 9, "expected '(', found '1'")]
    [InlineData("year is 1990", 9, "expected 'missing' or 'not missing', found '1990'")]
    [InlineData("year is not null", 13, "expected 'missing', found 'null'")]
    [InlineData("year not = 3", 10, "expected 'in', 'like' or 'contains', found '='")]
    [InlineData("year like 19", 11, "expected a text in single quotes, found '19'")]
    [InlineData("(year = 1", 10, "expected 'and', 'or' or ')', found the end")]
    [InlineData("year = 1)", 9, "expected 'and', 'or' or the end, found ')'")]
    [InlineData("year = 1 and", 13, "expected a column, 'not' or '(', found the end")]
    [InlineData("and = 1", 1, "expected a column, 'not' or '(', found 'and'")]
    [InlineData("year ; drop", 6, "';' has no meaning here")]
    [InlineData("year = 1\n and \u001b", 15, "has no meaning here")]
    public void An_error_tells_where_and_what_was_expected(string filter, int position, string expected)
    {
        var message = Assert.Throws<WhenceException>(() => MetadataPredicate.Parse(filter)).Message;
        Assert.Contains($"at character {position}: ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain(message, char.IsControl);
    }

    [Fact]
    public void A_column_called_like_a_keyword_goes_in_double_quotes()
    {
        using (var writer = TestIndex.NewWriter(_temp["odd"], 1, partSize: 4))
        {
            writer.Add(TestIndex.Row(0, new() { ["not"] = "1", ["say \"x\""] = "2", ["image.licence-url"] = "3" }), [1]);
            writer.Commit();
        }

        var filter = MetadataPredicate.Parse("\"not\" = 1 and \"say \"\"x\"\"\" = 2 and image.licence-url = 3");
        Assert.Equal(["not", "say \"x\"", "image.licence-url"], filter.Columns);
        Assert.Equal(1, filter.Evaluate(FeatureIndex.Open(_temp["odd"])).Count);
    }

    [Fact]
    public void An_unknown_column_lists_the_known()
    {
        var error = Assert.Throws<WhenceException>(() => Chosen("painter = 'Ann' or id = 1"));
        Assert.Contains("'painter'", error.Message, StringComparison.Ordinal);
        Assert.Contains("caption, creator, height, id, key, sha256, source, two words, width, year", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_column_that_only_some_parts_have_is_known()
    {
        FeatureIndexTests.Fill(_temp["parts"], 12);
        var set = MetadataPredicate.Parse("licence = 'CC0' or creator = 'artist 1'").Evaluate(FeatureIndex.Open(_temp["parts"]));
        Assert.Equal([3, 5, 7, 8, 9, 10, 11], Enumerable.Range(0, 12).Where(i => set.Contains(i)));
    }

    [Fact]
    public void An_empty_index_has_no_rows_to_choose()
    {
        TestIndex.NewWriter(_temp["empty"], 1, partSize: 4).Dispose();
        Assert.Equal(0, MetadataPredicate.Parse("creator = 'Ann'").Evaluate(FeatureIndex.Open(_temp["empty"])).Length);
    }

    [Fact]
    public void A_damaged_part_is_never_chosen_from()
    {
        var path = _temp["index", "metadata/part-00001.parquet"];
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.Length / 2] ^= 4;
        File.WriteAllBytes(path, bytes);
        Assert.Contains("part-00001.parquet", Assert.Throws<WhenceException>(() => Chosen("id = 0")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancelled_evaluation_stops()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => MetadataPredicate.Parse("id = 0").Evaluate(FeatureIndex.Open(_temp["index"]), stop.Token));
    }

    [Fact]
    public void Nesting_is_bounded_and_chains_are_not()
    {
        Assert.Equal([1], Chosen(new string('(', 100) + "id = 1" + new string(')', 100)));
        Assert.Equal([1], Chosen(string.Concat(Enumerable.Repeat("not ", 100)) + "id = 1"));
        Assert.Equal([1], Chosen("id = 1" + string.Concat(Enumerable.Repeat(" or id = 1 and id = 1", 10_000))));
        foreach (var hostile in new[] { new string('(', 10_000), string.Concat(Enumerable.Repeat("not ", 1_000_000)), string.Concat(Enumerable.Repeat("not (", 10_000)) })
        {
            Assert.Contains("nested more than 100 deep", Assert.Throws<WhenceException>(() => MetadataPredicate.Parse(hostile)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Huge_literals_and_names_are_read_and_not_repeated()
    {
        var huge = new string('x', 5_000_000);
        Assert.Empty(Chosen($"creator = '{huge}' or creator like '%{huge}' or creator in ('{huge}', {new string('9', 300)})"));
        foreach (var filter in new[] { huge, $"'{huge}'", $"id = {huge}", $"id = {new string('9', 5_000_000)}", $"\"{huge}\"'{huge}'" })
        {
            Assert.InRange(Assert.Throws<WhenceException>(() => MetadataPredicate.Parse(filter)).Message.Length, 1, 300);
        }

        Assert.InRange(Assert.Throws<WhenceException>(() => Chosen($"{huge} = 1")).Message.Length, 1, 500);
    }

    [Property(MaxTest = 300)]
    public bool Like_agrees_with_its_slow_twin(int seed)
    {
        var random = new Random(seed);
        var (pattern, value) = (Letters("ab%_"), Letters("ab%_"));
        return LikePattern.Matches(pattern, value) == Twin(pattern, value);

        string Letters(string alphabet) => string.Concat(random.GetItems(alphabet.AsSpan(), random.Next(9)));
        static bool Twin(string pattern, string value) => pattern.Length == 0 ? value.Length == 0
            : pattern[0] == '%' ? Enumerable.Range(0, value.Length + 1).Any(skip => Twin(pattern[1..], value[skip..]))
            : value.Length > 0 && (pattern[0] == '_' || pattern[0] == value[0]) && Twin(pattern[1..], value[1..]);
    }

    [Property(MaxTest = 200)]
    public bool Any_filter_agrees_with_its_slow_twin(int seed)
    {
        var filter = new RandomFilter(new Random(seed));
        var (text, twin) = filter.Next(depth: 4);
        var expected = Enumerable.Range(0, Rows.Length).Where(row => twin(Rows[row]) == Truth.True);
        return Chosen(text).SequenceEqual(expected);
    }

    private int[] Chosen(string filter)
    {
        var index = FeatureIndex.Open(_temp["index"]);
        var set = MetadataPredicate.Parse(filter).Evaluate(index);
        Assert.Equal(index.Count, set.Length);
        return [.. Enumerable.Range(0, (int)index.Count).Where(i => set.Contains(i))];
    }

    // Kleene's logic: "and" is the minimum, "or" the maximum, "not" the mirror image.
    private enum Truth
    {
        False,
        Unknown,
        True,
    }

    /// <summary>Writes random filters with as many brackets as it likes, and says what they mean.</summary>
    private sealed class RandomFilter(Random random)
    {
        public (string Text, Func<(string Creator, string Year, string Words), Truth> Holds) Next(int depth)
        {
            if (depth > 0 && random.Next(4) > 0)
            {
                var (left, right) = (Next(depth - 1), Next(depth - 1));
                return random.Next(3) switch
                {
                    0 => ($"({left.Text}) and ({right.Text})", row => Min(left.Holds(row), right.Holds(row))),
                    1 => ($"(({left.Text})or({right.Text}))", row => Mirror(Min(Mirror(left.Holds(row)), Mirror(right.Holds(row))))),
                    _ => ($"not({left.Text})", row => Mirror(left.Holds(row))),
                };
            }

            string[] years = ["1990", "1989.5", "2001", "-5", "1000"];
            var year = random.GetItems(years, 1)[0];
            var number = double.Parse(year, CultureInfo.InvariantCulture);
            return random.Next(4) switch
            {
                0 => ($"year < {year}", row => Number(row.Year, value => value < number)),
                1 => ($"year != {year}", row => Number(row.Year, value => value != number)),
                2 => ("creator is missing", row => row.Creator == "-" ? Truth.True : Truth.False),
                _ => ("creator = 'Ann Lee'", row => row.Creator == "-" ? Truth.Unknown : row.Creator == "Ann Lee" ? Truth.True : Truth.False),
            };
        }

        private static Truth Number(string value, Func<double, bool> holds) => value is "-" or "about 1990" or "NaN"
            ? Truth.Unknown
            : holds(double.Parse(value, CultureInfo.InvariantCulture)) ? Truth.True : Truth.False;

        private static Truth Mirror(Truth truth) => Truth.True - (int)truth;

        private static Truth Min(Truth a, Truth b) => a < b ? a : b;
    }
}
