using System.Formats.Tar;
using System.Text;
using Whence.Bench.BaseModel;

namespace Whence.Tests.Bench;

public sealed class TrainedDrawingsTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task A_filter_keeps_pictures_out_and_a_table_comes_first()
    {
        Write(8, i => $$"""{"object": "object {{i}}", "subgroup": "kind", "group": "things", "style": "noto"{{(i % 2 == 1 ? ", \"treatment\": \"outline\"" : "")}} }""");
        File.WriteAllText(_temp["table.csv"], "key,style,caption\n00002,fluent,\n00003,,from the table\n");
        var read = await TrainedDrawings.ReadAsync(_temp["train.tar"], _temp["table.csv"], "style = 'noto'");
        Assert.Equal(8, read.Files.Count);
        Assert.Equal([0, 1, 3, 4, 5, 6, 7], read.Places);
        Assert.Equal(new Drawing(new Content("object 3", "kind", "things", "noto", IsTreated: true), "from the table"), read.Drawings[2]);
        Assert.Equal(new Drawing(new Content("object 4", "kind", "things", "noto", IsTreated: false), "thing 4"), read.Drawings[3]);
        Assert.Equal(TestImages.Png(3), read.Files[3]);
        Assert.Equal(8, (await TrainedDrawings.ReadAsync(_temp["train.tar"], null, null)).Drawings.Count);
    }

    [Theory]
    [InlineData("styel is missing", "no metadata column 'styel', which the filter names; there are: group, object, style, subgroup")]
    [InlineData("style = 'openmoji'", "of 6 pictures 0 have a caption and are 'style = 'openmoji'', at least 5 are needed; give the --data and the --recipe")]
    public async Task A_filter_that_leaves_nothing_is_refused_by_its_reason(string where, string message)
    {
        Write(6, i => $$"""{"object": "object {{i}}", "subgroup": "kind", "group": "things", "style": "noto"}""");
        Assert.Contains(message, (await Assert.ThrowsAsync<WhenceException>(() => TrainedDrawings.ReadAsync(_temp["train.tar"], null, where))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pictures_of_another_data_set_are_refused()
    {
        Write(6, i => """{"style": "noto"}""");
        Assert.Contains("has no 'object' in its metadata", (await Assert.ThrowsAsync<WhenceException>(() => TrainedDrawings.ReadAsync(_temp["train.tar"], null, null))).Message, StringComparison.Ordinal);
    }

    private void Write(int count, Func<int, string> about)
    {
        using var tar = new TarWriter(File.Create(_temp["train.tar"]));
        for (var i = 0; i < count; i++)
        {
            Add($"{i:D5}.png", TestImages.Png(i));
            Add($"{i:D5}.txt", Encoding.UTF8.GetBytes($"thing {i}"));
            Add($"{i:D5}.json", Encoding.UTF8.GetBytes(about(i)));
        }

        void Add(string name, byte[] bytes) => tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(bytes) });
    }
}
