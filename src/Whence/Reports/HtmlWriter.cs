using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;

namespace Whence.Reports;

/// <summary>
/// Writes markup in which every hole of an interpolated string is encoded: <c>html.Write($"&lt;p&gt;{caption}&lt;/p&gt;")</c>
/// cannot be broken out of, whatever the caption. Only the literal parts, which stand in the source code, are markup. What
/// comes out is well-formed XML as well as HTML.
/// </summary>
internal sealed class HtmlWriter(TextWriter writer)
{
    private TextWriter Target => writer;

    /// <summary>The compiler turns the interpolated string into calls on <see cref="Markup"/>, which have written it all by now.</summary>
#pragma warning disable CA1822 // An instance method, so that the handler can be given the instance.
    public void Write([InterpolatedStringHandlerArgument("")] Markup markup) => _ = markup;
#pragma warning restore CA1822

    /// <summary>Writes markup of our own, unencoded.</summary>
    public void WriteTrusted(string markup) => writer.Write(markup);

    [InterpolatedStringHandler]
    internal readonly ref struct Markup
    {
        private readonly TextWriter _writer;

        public Markup(int literalLength, int formattedCount, HtmlWriter html) => _writer = html.Target;

        public void AppendLiteral(string markup) => _writer.Write(markup);

        public void AppendFormatted(string? text) => _writer.Write(WebUtility.HtmlEncode(ShownText.Clean(text ?? "")));

        public void AppendFormatted(long number) => _writer.Write(number.ToString(CultureInfo.InvariantCulture));

        public void AppendFormatted(double number) => _writer.Write(number.ToString("0.#####", CultureInfo.InvariantCulture));

        public void AppendFormatted(DataUri uri) => uri.WriteTo(_writer);
    }
}
