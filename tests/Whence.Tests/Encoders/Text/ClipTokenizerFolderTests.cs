using Whence.Encoders.Text;

namespace Whence.Tests.Encoders.Text;

public sealed class ClipTokenizerFolderTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData(ClipPadding.Zero, 77)]
    [InlineData(ClipPadding.EndToken, 20)]
    public void What_was_written_reads_as_it_was(ClipPadding padding, int length)
    {
        var tokenizer = new ClipTokenizer(new ClipTokenizerOptions { Padding = padding, ContextLength = length }).AddTokens("<new1>", "<new2>");
        tokenizer.Save(_temp["tokenizer"]);
        var again = ClipTokenizer.Load(_temp["tokenizer"]);
        Assert.Equal(tokenizer.Options, again.Options);
        Assert.Equal(tokenizer.AddedTokens, again.AddedTokens);
        foreach (var text in (string[])["a photo of <new1> dog, 1234 times!", "", "Überraschung <new2>", "😀"])
        {
            Assert.Equal(tokenizer.Encode(text).Ids, again.Encode(text).Ids);
        }
    }

    [Theory]
    [InlineData("""{"pad_token":"<|endoftext|>"}""", ClipPadding.EndToken, 77)]
    [InlineData("""{"pad_token":{"content":"<|endoftext|>","lstrip":false},"model_max_length":1000000000000000019884624838656}""", ClipPadding.EndToken, 77)]
    [InlineData("""{"pad_token":"!","model_max_length":33}""", ClipPadding.Zero, 33)]
    [InlineData("{}", ClipPadding.EndToken, 77)]
    public void The_padding_is_what_the_configuration_says(string json, ClipPadding padding, int length)
    {
        new ClipTokenizer().Save(_temp["tokenizer"]);
        File.WriteAllText(_temp["tokenizer", "tokenizer_config.json"], json);
        var options = ClipTokenizer.Load(_temp["tokenizer"]).Options;
        Assert.Equal(new ClipTokenizerOptions { Padding = padding, ContextLength = length }, options);
    }

    [Theory]
    [InlineData("""{"pad_token":"!"}""", ClipPadding.Zero)]
    [InlineData("""{"pad_token":{"content":"<|endoftext|>"}}""", ClipPadding.EndToken)]
    [InlineData("{}", ClipPadding.EndToken)]
    public void The_map_of_special_tokens_comes_first_as_in_Stable_Diffusion_2(string json, ClipPadding padding)
    {
        new ClipTokenizer().Save(_temp["tokenizer"]);
        File.WriteAllText(_temp["tokenizer", "tokenizer_config.json"], """{"pad_token":"<|endoftext|>"}""");
        File.WriteAllText(_temp["tokenizer", "special_tokens_map.json"], json);
        Assert.Equal(padding, ClipTokenizer.Load(_temp["tokenizer"]).Options.Padding);
    }

    [Theory]
    [InlineData("""{"pad_token":"cat"}""", "only the end token and the symbol of id 0")]
    [InlineData("""{"pad_token":5}""", "is no configuration of a tokenizer")]
    [InlineData("""{"pad_token":"!","model_max_length":"long"}""", "is no configuration of a tokenizer")]
    [InlineData("""{"pad_token":"!","pad_token":"<|endoftext|>"}""", "is no configuration of a tokenizer")]
    [InlineData("""{"pad_token":"\ud800"}""", "is no configuration of a tokenizer")]
    [InlineData("[]", "is no configuration of a tokenizer")]
    [InlineData("{", "is no configuration of a tokenizer")]
    public void A_configuration_that_says_something_else_is_refused(string json, string message)
    {
        new ClipTokenizer().Save(_temp["tokenizer"]);
        File.WriteAllText(_temp["tokenizer", "tokenizer_config.json"], json);
        Assert.Contains(message, Assert.Throws<WhenceException>(() => ClipTokenizer.Load(_temp["tokenizer"])).Message, StringComparison.Ordinal);
    }
}
