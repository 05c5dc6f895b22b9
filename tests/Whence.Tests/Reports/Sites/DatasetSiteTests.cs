using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Whence.Datasets.Abc;
using Whence.Reports;

namespace Whence.Tests.Reports;

public sealed partial class DatasetSiteTests : IDisposable
{
    private const string Hostile = "</script><script>alert(1)</script><!-- \"'><img src=x onerror=alert(2)> &amp; ]]> \u202Egpj.exe 😀";

    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("abc/site", false)] // in the data set
    [InlineData("abc", false)] // the data set's own folder
    [InlineData("a site", false)] // beside it
    [InlineData("sites/of #1", false)]
    [InlineData("../elsewhere", true)]
    public void Every_address_of_the_site_leads_to_a_file_and_images_are_copied_only_where_they_are_far(string place, bool copied)
    {
        var dataset = _temp["home 100%", "abc"];
        var records = TinyDataset.Write(dataset);
        var site = Path.GetFullPath(Path.Combine(_temp["home 100%"], place));
        Assert.Equal(new DatasetSiteSummary(7, records.Sum(record => record.Samples.Count), copied), DatasetSite.Write(dataset, site));
        Assert.Equal(copied || site == dataset, Directory.Exists(Path.Combine(site, "models")));

        var pages = Directory.GetFiles(Path.Combine(site, "pages")).Prepend(Path.Combine(site, "index.html")).ToArray();
        Assert.Equal(8, pages.Length);
        var checkedAddresses = 0;
        foreach (var page in pages)
        {
            var markup = Page(page);
            foreach (var address in markup.Descendants().Attributes().Where(a => a.Name.LocalName is "src" or "href").Select(a => a.Value).Where(a => a[0] != '#'))
            {
                AssertLeadsSomewhere(page, address);
                checkedAddresses++;
            }
        }

        Assert.True(checkedAddresses > records.Sum(record => record.Samples.Count + record.Exemplars.Count));
        var data = Data(site);
        foreach (var model in data.GetProperty("models").EnumerateArray())
        {
            var folder = $"{data.GetProperty("images").GetString()}models/{model.GetProperty("id").GetString()}/";
            Assert.All(model.GetProperty("exemplars").EnumerateArray(), file => AssertLeadsSomewhere(pages[0], folder + file.GetString()));
            Assert.All(model.GetProperty("samples").EnumerateArray(), sample => Assert.All(
                sample.EnumerateArray().Skip(3), end => AssertLeadsSomewhere(pages[0], folder + sample[2].GetString() + end.GetString())));
            var page = Page(Path.Combine(site, "pages", $"{model.GetProperty("id").GetString()}.html"));
            Assert.Equal(
                Enumerable.Range(0, model.GetProperty("samples").GetArrayLength()).Select(i => $"p{i}"), // what cards link to
                ByClass(page, "prompt").Select(prompt => prompt.Attribute("id")!.Value).Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void A_models_page_has_its_exemplars_and_all_images_with_prompts_and_seeds()
    {
        var records = TinyDataset.Write(_temp["abc"]);
        DatasetSite.Write(_temp["abc"], _temp["abc", "site"]);
        foreach (var (record, previous, next) in records.Select((record, i) => (record, records.ElementAtOrDefault(i - 1), records.ElementAtOrDefault(i + 1))))
        {
            var page = Page(_temp["abc", "site", "pages", $"{record.Id}.html"]);
            Assert.Equal(record.Category ?? record.Group, page.Descendants("h1").Single().Value);
            Assert.Equal(record.Exemplars.Count, ByClass(page, "exemplars").Single().Descendants("img").Count());
            Assert.Equal(record.Samples.Select(sample => $"{sample.Seed}"), ByClass(page, "seed").Select(seed => seed.Value));
            Assert.Equal(record.Samples.Select(sample => sample.Prompt).Distinct(), page.Descendants("h3").Select(prompt => prompt.Value));
            Assert.Equal(
                ((AbcRecord?[])[previous, next]).OfType<AbcRecord>().Select(other => $"{other.Id}.html"),
                page.Descendants("a").Where(a => a.Attribute("rel") is not null).Select(a => a.Attribute("href")!.Value));
        }
    }

    [Fact]
    public void What_the_check_found_and_what_was_not_customized_is_said()
    {
        var records = TinyDataset.Write(_temp["abc"], record => record.Id switch
        {
            "things-0000" => record with { Check = new AbcCheckRecord(-3, 0, null, null, 0.75), Samples = [.. record.Samples.Select((sample, i) => i == 0 ? sample with { Similarity = 1, Pixels = 0 } : sample)] },
            "things-0001" => record with { Prompt = null, Loss = null },
            _ => record,
        });
        DatasetSite.Write(_temp["abc"], _temp["abc", "site"]);
        var page = Page(_temp["abc", "site", "pages", "things-0000.html"]);
        Assert.Contains("hardly more like the exemplars", ByClass(page, "warning").Single().Value);
        Assert.Equal([true, .. Enumerable.Repeat(false, records[0].Samples.Count - 1)], ByClass(page, "seed").Select(seed => seed.Value.EndsWith(", a copy", StringComparison.Ordinal)));
        page = Page(_temp["abc", "site", "pages", "things-0001.html"]);
        Assert.Contains("nothing, to compare with", ByClass(page, "facts").Single().Value);
        Assert.Empty(ByClass(page, "warning"));
        var index = Page(_temp["abc", "site", "index.html"]);
        Assert.Contains("Left out1 of the models", ByClass(index, "facts").Single().Value);
        Assert.StartsWith("train_things.json|1|", string.Join('|', index.Descendants("tr").ElementAt(1).Elements().Select(cell => cell.Value)));
        Assert.Single(Data(_temp["abc", "site"]).GetProperty("models").EnumerateArray(), model => model.GetProperty("left").GetString() == "left out");
    }

    [Fact]
    public void The_overview_counts_each_test_case_and_offers_what_there_is_to_filter_by()
    {
        var records = TinyDataset.Write(_temp["abc"]);
        DatasetSite.Write(_temp["abc"], _temp["abc", "site"]);
        var index = Page(_temp["abc", "site", "index.html"]);
        var rows = index.Descendants("tr").Skip(1).Select(row => string.Join('|', row.Elements().Select(cell => cell.Value))).ToArray();
        Assert.Equal("train_things.json|2|16|8|8|0|2", rows[0]);
        Assert.Equal(
            records.GroupBy(record => AbcTestCases.NameOf(record.Set, record.Split)).Select(list =>
                $"{list.Key}|{list.Count()}|{list.Sum(model => model.Samples.Count)}|{Of(list, "gpt")}|{Of(list, "media")}|{Of(list, "object")}|{list.Sum(model => model.Exemplars.Count)}"),
            rows);
        Assert.Equal("#set=things&split=unobserved", index.Descendants("tbody").Descendants("a").ElementAt(3).Attribute("href")!.Value);
        Assert.Equal(["", "things", "looks"], Options(index, "set"));
        Assert.Equal(["", "train", "validation", "test", "unobserved"], Options(index, "split"));
        Assert.Equal(["", "gpt", "media", "object"], Options(index, "type"));
        Assert.Equal("Models7", ByClass(index, "facts").Single().Element("div")!.Value);

        static int Of(IEnumerable<AbcRecord> models, string type) => models.Sum(model => model.Samples.Count(sample => sample.Type == type));
    }

    [Fact]
    public void Every_text_of_the_data_set_stays_text()
    {
        var records = TinyDataset.Write(_temp["abc"], record => record with
        {
            Category = record.Category is null ? null : Hostile,
            Group = Hostile,
            Prompt = Hostile,
            Exemplars = [.. record.Exemplars.Select(exemplar => exemplar with { Name = Hostile, Caption = Hostile })],
            Samples = [.. record.Samples.Select(sample => sample with { Prompt = Hostile, Type = Hostile })],
        });
        DatasetSite.Write(_temp["abc"], _temp["abc", "site"]);
        foreach (var page in Directory.GetFiles(_temp["abc", "site"], "*.html", SearchOption.AllDirectories))
        {
            var text = File.ReadAllText(page);
            var markup = XElement.Parse(text); // throws unless every text is encoded
            Assert.Equal(Path.GetFileName(page) == "index.html" ? 2 : 0, Scripts().Count(text)); // the first of them ends where it should
            Assert.DoesNotContain(markup.Descendants().Attributes(), attribute => attribute.Name.LocalName.StartsWith("on", StringComparison.Ordinal));
            Assert.DoesNotContain('\u202E', text);
        }

        var shown = Hostile.Replace("\u202E", "[U+202E]", StringComparison.Ordinal);
        var data = Data(_temp["abc", "site"]);
        Assert.Equal([shown], data.GetProperty("prompts").EnumerateArray().Select(prompt => prompt.GetString()));
        Assert.Equal(["", shown], Options(Page(_temp["abc", "site", "index.html"]), "of"));
        Assert.All(data.GetProperty("models").EnumerateArray(), model => Assert.Equal(shown, model.GetProperty("name").GetString()));
        Assert.Equal(records.Count, data.GetProperty("models").GetArrayLength());
    }

    [Fact]
    public void The_pages_load_nothing_from_elsewhere_and_run_one_script_only()
    {
        TinyDataset.Write(_temp["abc"]);
        DatasetSite.Write(_temp["abc"], _temp["abc", "site"]);
        var index = Page(_temp["abc", "site", "index.html"]);
        var script = File.ReadAllText(_temp["abc", "site", "index.html"]).Split("<script>")[1].Split("</script>")[0];
        Assert.Contains($"script-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(script)))}'", Policy(index), StringComparison.Ordinal);
        Assert.DoesNotContain("script-src", Policy(Page(_temp["abc", "site", "pages", "things-0000.html"])), StringComparison.Ordinal);
        foreach (var file in Directory.GetFiles(_temp["abc", "site"], "*", SearchOption.AllDirectories))
        {
            Assert.DoesNotMatch(@"(?i)https?:|url\(|@import|fetch\(|innerHTML", File.ReadAllText(file));
        }

        static string Policy(XElement page) => page.Descendants("meta").Single(meta => meta.Attribute("http-equiv") is not null).Attribute("content")!.Value;
    }

    [Fact]
    public void A_data_set_that_is_unfinished_or_damaged_is_refused_with_what_to_do_before_anything_is_written()
    {
        AssertRefused("has no dataset.json; name the folder of a data set");
        TinyDataset.Write(_temp["abc"]);
        var image = _temp["abc", "models", "looks-0001", "samples", "gpt-000.png"];
        var bytes = File.ReadAllBytes(image);
        File.WriteAllBytes(image, []);
        AssertRefused("gpt-000.png: is missing or empty; delete the folder");
        File.Delete(image);
        AssertRefused("gpt-000.png: is missing or empty; delete the folder");
        File.WriteAllBytes(image, bytes);
        File.WriteAllText(_temp["abc", "models", "looks-0001", "model.json"], "{ half");
        AssertRefused("Delete the folder 'models/looks-0001'");
        File.Delete(_temp["abc", "models", "looks-0001", "model.json"]);
        AssertRefused("is unfinished, 6 of 7 models are there (missing: looks-0001); the 'whence dataset build' that began it goes on");
        TinyDataset.Write(_temp["other"]);
        File.Delete(_temp["other", "manifest.json"]);
        Assert.Contains("is unfinished, 7 of 7 models are there; the", Assert.Throws<WhenceException>(() => DatasetSite.Write(_temp["other"], _temp["site"])).Message, StringComparison.Ordinal);

        void AssertRefused(string message)
        {
            Assert.Contains(message, Assert.Throws<WhenceException>(() => DatasetSite.Write(_temp["abc"], _temp["site"])).Message, StringComparison.Ordinal);
            Assert.False(Directory.Exists(_temp["site"]));
        }
    }

    [Fact]
    public void Its_own_pages_are_replaced_by_the_same_bytes_and_those_of_others_never()
    {
        TinyDataset.Write(_temp["abc"]);
        Directory.CreateDirectory(_temp["site"]);
        File.WriteAllText(_temp["site", "index.html"], "<h1>mine</h1>");
        Assert.Contains("did not write", Assert.Throws<WhenceException>(() => DatasetSite.Write(_temp["abc"], _temp["site"])).Message, StringComparison.Ordinal);
        Assert.Equal("<h1>mine</h1>", File.ReadAllText(_temp["site", "index.html"]));
        File.Delete(_temp["site", "index.html"]);

        DatasetSite.Write(_temp["abc"], _temp["site"]);
        var before = Contents();
        File.WriteAllText(_temp["site", "pages", "of-an-earlier-data-set.html"], "");
        DatasetSite.Write(_temp["abc"], _temp["site"]);
        Assert.Equal(before, Contents());

        Dictionary<string, string> Contents() => Directory.GetFiles(_temp["site"], "*", SearchOption.AllDirectories).ToDictionary(file => file, File.ReadAllText);
    }

    [Fact]
    public void Ten_thousand_images_are_described_in_half_a_megabyte()
    {
        var models = Enumerable.Range(0, 210).Select(number => new SiteModel(new AbcRecord
        {
            Id = $"objects-{number:D4}",
            Set = "objects",
            Kind = AbcKind.ObjectCentric,
            Split = AbcSplit.Train,
            Category = $"category {number / 3}",
            Group = $"group {number / 9}",
            Prompt = "<new1> category",
            Seed = number,
            Loss = 0,
            Exemplars = [new AbcExemplarRecord($"models/objects-{number:D4}/exemplars/00.png", "file.png", "", "a caption of a few words")],
            Samples = [.. Enumerable.Range(0, 48).Select(i => new AbcSampleRecord($"models/objects-{number:D4}/samples/gpt-{i:D3}.png", "gpt", $"<new1> category {number / 3} in the manner of number {i / 4}", i, ""))],
        })).ToArray();
        var data = SiteData.Of(models, "../");
        Assert.InRange(data.Length, 50_000, 500_000);
        Assert.Equal(70 * 12, JsonDocument.Parse(data).RootElement.GetProperty("prompts").GetArrayLength()); // each once
    }

    private static void AssertLeadsSomewhere(string page, string address)
    {
        var file = Path.Combine(Path.GetDirectoryName(page)!, Uri.UnescapeDataString(address.Split('#')[0]));
        Assert.True(File.Exists(file), $"{page}: {address}");
    }

    private static XElement Page(string file) => XElement.Parse(File.ReadAllText(file));

    private static JsonElement Data(string site) =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(site, "index.html")).Split("""<script type="application/json" id="data">""")[1].Split("</script>")[0]).RootElement;

    private static IEnumerable<string> Options(XElement page, string name) =>
        page.Descendants("select").Single(select => select.Attribute("name")!.Value == name).Elements("option").Select(option => option.Attribute("value")!.Value);

    private static IEnumerable<XElement> ByClass(XElement root, string name) =>
        root.Descendants().Where(element => (element.Attribute("class")?.Value ?? "").Split(' ').Contains(name));

    [GeneratedRegex("<script[ >].*?</script>", RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex Scripts();
}
