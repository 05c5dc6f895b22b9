using Whence.Files;

namespace Whence.Tests.Files;

public class TextLinesTests
{
    [Fact]
    public async Task Lines_are_those_of_the_framework()
    {
        using var folder = new TempFolder();
        var random = new Random(1);
        for (var round = 0; round < 20; round++)
        {
            var lines = Enumerable.Range(0, random.Next(1, 60)).Select(_ => new string('ä', random.Next(0, 3000))).ToArray();
            var text = string.Join(round % 2 == 0 ? "\n" : "\r\n", lines) + (round % 3 == 0 ? "\n" : "x");
            File.WriteAllText(folder["a.txt"], text);
            var read = new List<string>();
            await foreach (var (number, line) in TextLines.ReadAsync(folder["a.txt"], TestContext.Current.CancellationToken))
            {
                Assert.Equal(read.Count + 1, number);
                read.Add(line);
            }

            Assert.Equal(File.ReadAllLines(folder["a.txt"]), read);
        }
    }
}
