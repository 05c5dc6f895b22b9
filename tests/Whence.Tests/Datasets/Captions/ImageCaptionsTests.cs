using Microsoft.Extensions.AI;
using Whence.Datasets;
using Whence.Datasets.Captions;
using Whence.Images;
using Whence.Tests.Datasets.Prompts;

namespace Whence.Tests.Datasets.Captions;

public sealed class ImageCaptionsTests : IDisposable
{
    private readonly TempFolder _temp = new();

    private string Table => _temp["captions.csv"];

    public void Dispose() => _temp.Dispose();

    [Fact]
    public async Task Images_without_a_caption_get_one_and_others_are_passed_over()
    {
        TestImages.WriteFolder(_temp["images"], 4);
        File.WriteAllText(_temp["images", "00001.txt"], "its own");
        File.WriteAllBytes(_temp["images", "broken.png"], [1, 2, 3]);
        var result = await ImageCaptions.WriteAsync([_temp["images"]], Table, (image, _) => Task.FromResult<string?>($"a picture, \"{image.Width}\" wide"), parallel: 3);
        Assert.Equal(new CaptionProgress(3, 1, 0, 1, 5), result.Progress);
        Assert.EndsWith("broken.png", result.Unread.Single().Path, StringComparison.Ordinal);
        Assert.Equal("key,caption\r\n00000.png,\"a picture, \"\"40\"\" wide\"\r\n00002.png,\"a picture, \"\"40\"\" wide\"\r\n00003.png,\"a picture, \"\"40\"\" wide\"\r\n", File.ReadAllText(Table));

        var loaded = await CaptionedImages.LoadAsync([_temp["images"]], Table, 16);
        Assert.Equal(["a picture, \"40\" wide", "its own", "a picture, \"40\" wide", "a picture, \"40\" wide"], loaded.Captions);
    }

    [Fact]
    public async Task Again_only_what_is_new_is_asked_for_and_what_a_person_wrote_into_the_table_stays()
    {
        TestImages.WriteFolder(_temp["images"], 3);
        File.WriteAllText(Table, "key,creator,caption\n00001.png,Ann,mine\nelsewhere.png,Bo,\n00002.png,Cy,\n");
        var asked = 0;
        var result = await ImageCaptions.WriteAsync([_temp["images"]], Table, (_, _) => Task.FromResult<string?>($"new {++asked}"));
        Assert.Equal(new CaptionProgress(2, 0, 1, 0, 3), result.Progress);
        const string Expected = "key,creator,caption\r\n00001.png,Ann,mine\r\nelsewhere.png,Bo,\r\n00002.png,Cy,new 2\r\n00000.png,,new 1\r\n";
        Assert.Equal(Expected, File.ReadAllText(Table));
        Assert.Equal(new CaptionProgress(0, 0, 3, 0, 3), (await ImageCaptions.WriteAsync([_temp["images"]], Table, (_, _) => throw new InvalidOperationException())).Progress);
        Assert.Equal(Expected, File.ReadAllText(Table));
    }

    [Fact]
    public async Task Images_of_one_name_are_told_apart_by_where_they_are()
    {
        TestImages.WriteFolder(_temp["a"], 1);
        TestImages.WriteFolder(_temp["b"], 2);
        await ImageCaptions.WriteAsync([_temp["a"], _temp["b"]], Table, (_, _) => Task.FromResult<string?>("x"));
        var table = await MetadataTable.LoadAsync(Table, TestContext.Current.CancellationToken);
        Assert.Equal(3, table.Count);
        Assert.Contains($"{_temp["b", "00000.png"]},x", File.ReadAllText(Table), StringComparison.Ordinal);
        Assert.Contains("\n00001.png,x", File.ReadAllText(Table), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Interrupted_it_keeps_what_was_written_and_goes_on_with_the_rest()
    {
        TestImages.WriteFolder(_temp["images"], 5);
        using var stop = new CancellationTokenSource();
        var asked = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ImageCaptions.WriteAsync(
            [_temp["images"]], Table,
            (_, cancellation) =>
            {
                if (++asked == 3)
                {
                    stop.Cancel();
                }

                cancellation.ThrowIfCancellationRequested();
                return Task.FromResult<string?>($"caption {asked}");
            },
            cancellation: stop.Token));
        Assert.Equal("key,caption\r\n00000.png,caption 1\r\n00001.png,caption 2\r\n", File.ReadAllText(Table));
        Assert.Equal(new CaptionProgress(3, 0, 2, 0, 5), (await ImageCaptions.WriteAsync([_temp["images"]], Table, (_, _) => Task.FromResult<string?>("later"))).Progress);
    }

    [Fact]
    public async Task A_bad_answer_is_that_image_s_and_errors_in_a_row_are_the_model_s()
    {
        TestImages.WriteFolder(_temp["images"], 12);
        string?[] answers = ["good", "error", "error", "error", "error", "good", null, null, null, null, null, "good"];
        var asked = 0;
        var result = await ImageCaptions.WriteAsync(
            [_temp["images"]], Table, (_, _) => answers[asked++] is var answer && answer != "error" ? Task.FromResult(answer) : throw new WhenceException("no"));
        Assert.Equal(new CaptionProgress(3, 9, 0, 0, 12), result.Progress);
        Assert.Equal(9, result.Unread.Count);

        asked = 0;
        var error = await Assert.ThrowsAsync<WhenceException>(() => ImageCaptions.WriteAsync([_temp["images"]], _temp["other.csv"], (_, _) => ++asked == 1 ? Task.FromResult<string?>("good") : throw new WhenceException("the server is gone")));
        Assert.Equal("the server is gone", error.Message);
        Assert.Equal(6, asked);
        Assert.Equal("key,caption\r\n00000.png,good\r\n", File.ReadAllText(_temp["other.csv"]));
    }

    [Theory]
    [InlineData("file,caption\na,b\n", "has no column 'key'")]
    [InlineData("key,text\na,b\n", "has no column 'caption'")]
    [InlineData("key,caption\na,b\na,c\n", "row 3 has the key 'a' once more")]
    [InlineData("key,caption\na\n", "row 2 has 1 fields where the header has 2")]
    public async Task A_table_that_captions_do_not_fit_into_is_refused_before_anything_is_asked(string text, string expected)
    {
        TestImages.WriteFolder(_temp["images"], 1);
        File.WriteAllText(Table, text);
        var error = await Assert.ThrowsAsync<WhenceException>(() => ImageCaptions.WriteAsync([_temp["images"]], Table, (_, _) => throw new InvalidOperationException()));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(Table));
    }

    [Theory]
    [InlineData("A red circle.", "A red circle")]
    [InlineData("Caption:\n\"A red circle\"", "A red circle")]
    [InlineData("=HYPERLINK(\"x\") circle", "HYPERLINK(\"x\") circle")]
    [InlineData("I'm sorry, I can't help with that.", null)]
    [InlineData("", null)]
    public async Task A_chat_model_gets_the_pixels_small_and_its_answer_becomes_one_line(string answer, string? expected)
    {
        using var chat = new ScriptedChat(answer);
        Assert.Equal(expected, await new ChatCaptions(chat, "What is it?").OfAsync(ImageDecoder.Decode(TestImages.Png(1, 1600, 400))));
        var contents = chat.Questions.Single().Contents;
        Assert.Equal("What is it?", Assert.IsType<TextContent>(contents[0]).Text);
        var picture = Assert.IsType<DataContent>(contents[1]);
        Assert.Equal("image/png", picture.MediaType);
        Assert.Equal((512, 128), ImageDecoder.ReadSize(picture.Data.Span));
    }
}
