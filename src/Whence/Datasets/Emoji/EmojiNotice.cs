using System.Globalization;
using System.Text;

namespace Whence.Datasets.Emoji;

/// <summary>Who made the drawings, under which licences they are, and what was changed: what must go along with a data set.</summary>
internal static class EmojiNotice
{
    /// <summary>Licences whose text must go along, behind the copyright lines of those who gave it.</summary>
    private static readonly Dictionary<string, Func<string>> Texts = new(StringComparer.Ordinal)
    {
        ["Apache-2.0"] = () => Encoding.UTF8.GetString(PackageLock.Resource("Apache-2.0.txt")).Trim('\n'),
        ["MIT"] = () => """
            Permission is hereby granted, free of charge, to any person obtaining a copy
            of this software and associated documentation files (the "Software"), to deal
            in the Software without restriction, including without limitation the rights
            to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
            copies of the Software, and to permit persons to whom the Software is
            furnished to do so, subject to the following conditions:

            The above copyright notice and this permission notice shall be included in all
            copies or substantial portions of the Software.

            THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
            IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
            FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
            AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
            LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
            OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
            SOFTWARE.
            """.ReplaceLineEndings("\n"),
    };

    /// <summary>Whether a licence's text is not here. Creative Commons' licences ask for no more than their address.</summary>
    /// <param name="licence">Its SPDX identifier, or an expression of several.</param>
    public static bool LacksText(string licence) =>
        !Texts.ContainsKey(licence) && (licence.Contains(' ') || !(licence.StartsWith("CC-", StringComparison.Ordinal) || licence.StartsWith("CC0-", StringComparison.Ordinal)));

    /// <summary>The text, as <c>NOTICE.md</c> has it.</summary>
    /// <param name="packages">Where the drawings come from.</param>
    /// <param name="recipe">What was made of them.</param>
    /// <param name="hasSheet">Whether a sheet of styles lies beside it.</param>
    public static string Of(PackageLock packages, EmojiRecipe recipe, bool hasSheet)
    {
        var text = new StringBuilder();
        Add($"""
            # Artwork of this data set

            The pictures were made from open emoji. Their makers neither endorse Whence nor have a part in it. Each picture stays under the licence of
            its drawing, which its `.json` names with the creator and the source. They come without warranties.

            **Changes.** The drawings were taken from npm packages; those of `@iconify-json` are made by the [Iconify](https://iconify.design/) project, which had
            cleaned up the SVG files and put them into one format. Here they were rendered to {recipe.Size} x {recipe.Size} pixels on white, with a margin; drawings without a colour
            of their own were given #212121. Where the `.json` names a `treatment`, the picture was redrawn by a program in that style.

            """);
        if (packages.ShareAlike is { Count: > 0 } shareAlike)
        {
            Add($"""
                **Share-alike.** Pictures of the styles {string.Join(", ", shareAlike.Select(p => $"{p.Style} ({p.Licence})"))}: what is made of them and passed on must be under the same licence.

                """);
        }

        if (hasSheet)
        {
            Add($"`styles.png` shows drawings of the styles {string.Join(", ", recipe.Sheet.Designers)}, changed in the same way.\n");
        }

        Add($"| style | creator | package | licence | source |\n|---|---|---|---|---|");
        foreach (var p in packages.Drawings)
        {
            Add($"| {p.Style} | {p.Creator} | {p.Name}@{p.Version} | [{p.Licence}]({p.LicenceUrl}) | <{p.Source}> |");
        }

        Add($"\nLabels, tags and groups: {packages.Names.Name}@{packages.Names.Version}, {packages.Names.Creator}, [{packages.Names.Licence}]({packages.Names.LicenceUrl}).");
        foreach (var p in packages.All().Where(p => p.Copyright is not null || p.Remark is not null))
        {
            Add($"\n**{p.Style ?? p.Name}.** {string.Join(' ', new[] { p.Copyright, p.Remark }.OfType<string>())}");
        }

        foreach (var licence in packages.All().GroupBy(p => p.Licence).Where(licence => Texts.ContainsKey(licence.Key) || LacksText(licence.Key)))
        {
            Add($"\n## {licence.Key}: {string.Join(", ", licence.Select(p => p.Style ?? p.Name))}\n");
            if (Texts.TryGetValue(licence.Key, out var full))
            {
                var copyrights = licence.Select(p => p.Copyright).OfType<string>().Distinct().Select(line => line + "\n").ToArray();
                Add($"```\n{string.Concat(copyrights)}{(copyrights.Length > 0 ? "\n" : "")}{full()}\n```");
            }
            else
            {
                Add($"Whence does not hold the text of this licence. Who passes this data set on has to add it here: {string.Join(", ", licence.Select(p => $"<{p.LicenceUrl}>").Distinct())}");
            }
        }

        return text.ToString();

        void Add(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture).ReplaceLineEndings("\n")).Append('\n');
    }
}
