using System.Text.Json;
using Whence.Encoders.Text;
using Whence.Tests.Images;

namespace Whence.Tests.Encoders.Text;

/// <summary>Against what openai/CLIP made of 300 texts with ftfy and the regex package.</summary>
public class GoldenTokenizerTests
{
    private static readonly ClipTokenizer Tokenizer = new();

    [Fact]
    public void Cleaned_texts_give_the_references_ids()
    {
        var tokenizer = new ClipTokenizer(new ClipTokenizerOptions { Clean = false });
        Assert.All(Cases(), one => AssertIds(one, tokenizer.Encode(one.Cleaned)));
        Assert.All(Cases(), one => AssertIds(one, Tokenizer.Encode(one.Cleaned)));
    }

    [Fact]
    public void Texts_that_were_repaired_give_the_references_ids() =>
        Assert.All(Cases(), one => AssertIds(one, Tokenizer.Encode(one.FtfyText)));

    // All 300. Where another text should differ, name it here with the reason.
    [Fact]
    public void Raw_texts_are_cleaned_as_the_reference_cleans_them()
    {
        var cases = Cases();
        Assert.Equal(300, cases.Length);
        Assert.Equal(221, cases.Count(one => !one.FtfyChanges));
        Assert.All(cases, one => Assert.Equal(one.Cleaned, TextCleaner.Clean(one.Text)));
        Assert.All(cases, one => AssertIds(one, Tokenizer.Encode(one.Text)));
    }

    [Fact]
    public void A_batch_is_the_references_tensor()
    {
        var cases = Cases();
        var (data, shape) = new GoldenTensors(SharedData.Get("reference", "tokenizer", "ids.safetensors")).Get("ids");
        Assert.Equal([300, 77], shape);
        var batch = Tokenizer.Encode(cases.Select(one => one.Text).ToArray());
        Assert.Equal(Enumerable.Range(0, 300 * 77).Select(i => BitConverter.ToInt64(data, i * 8)), batch.Ids.ToArray().Select(id => (long)id));
        Assert.Equal(cases.Select(one => one.Tokens), batch.Tokens);
        Assert.Equal(cases.Count(one => one.Truncated), batch.Truncated);
    }

    [Fact]
    public void Stable_Diffusions_padding_is_the_end_token()
    {
        var tokenizer = new ClipTokenizer(new ClipTokenizerOptions { Padding = ClipPadding.EndToken });
        Assert.All(Cases(), one => Assert.Equal(
            one.Ids.Select((id, i) => i < one.Tokens ? id : 49407), tokenizer.Encode(one.Text).Ids));
    }

    [Fact]
    public void The_vocabulary_in_Hugging_Faces_form_is_the_one_that_the_assembly_carries()
    {
        var folder = SharedData.Get("reference", "tokenizer");
        var loaded = ClipTokenizer.Load(Path.Combine(folder, "vocab.json.gz"), Path.Combine(folder, "merges.txt.gz"));
        Assert.Equal((49408, 49406, 49407), (loaded.VocabularySize, loaded.StartToken, loaded.EndToken));
        Assert.Equal((loaded.VocabularySize, loaded.StartToken, loaded.EndToken), (Tokenizer.VocabularySize, Tokenizer.StartToken, Tokenizer.EndToken));
        Assert.All(Enumerable.Range(0, 49407), id => Assert.Equal(loaded.Decode([id]), Tokenizer.Decode([id])));
        Assert.All(Cases(), one => AssertIds(one, loaded.Encode(one.Text)));
        var same = ClipTokenizer.Load(folder);
        Assert.All(Cases(), one => AssertIds(one, same.Encode(one.Text)));
    }

    private static void AssertIds(Case expected, TokenizedText actual)
    {
        Assert.Equal(expected.Ids, actual.Ids);
        Assert.Equal((expected.Tokens, expected.Truncated), (actual.Tokens, actual.Truncated));
    }

    private static Case[] Cases()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(SharedData.Get("reference", "tokenizer", "cases.json")));
        return json.RootElement.Deserialize<Case[]>(SnakeCase)!;
    }

    private static readonly JsonSerializerOptions SnakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private sealed record Case(string Text, string FtfyText, bool FtfyChanges, string Cleaned, int Tokens, bool Truncated, int[] Ids);
}
