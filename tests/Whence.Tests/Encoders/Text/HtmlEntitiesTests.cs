using Whence.Encoders.Text;

namespace Whence.Tests.Encoders.Text;

/// <summary>Values are Python's: <c>html.unescape</c>, and the rule of ftfy that only takes what is complete.</summary>
public class HtmlEntitiesTests
{
    [Theory]
    [InlineData("&lt;&gt;&quot;&apos;", "<>\"'")]
    [InlineData("&notin; &notit; &not", "\u2209 \u00ACit; \u00AC")]
    [InlineData("&CounterClockwiseContourIntegral;", "\u2233")]
    [InlineData("&NotEqualTilde;", "\u2242\u0338")]
    [InlineData("&#65&#x42;&#X43", "ABC")]
    [InlineData("&#129;&#150;&#13;&#1;&#x7f;&#xFDD0;&#x1FFFE;|", "\u0081\u2013\r|")]
    [InlineData("&#;&#x;&;& &&amp;", "&#;&#x;&;& &&")]
    [InlineData("&unknown;&a b;", "&unknown;&a b;")]
    [InlineData("&\U0001F600amp;&amp\U0001F600", "&\U0001F600amp;&\U0001F600")]
    public void Browsers_rules(string text, string expected) => Assert.Equal(expected, HtmlEntities.Unescape(text));

    [Theory]
    [InlineData("this&not that &copy 2024", "this&not that &copy 2024")]
    [InlineData("&copy; &ntilde; &Ntilde; &NTILDE; &nTILDE;", "\u00A9 \u00F1 \u00D1 \u00D1 &nTILDE;")]
    [InlineData("&IMATH;&IJLIG;&NAPOS;&FFLIG;", "I\u0132\u02BCNFF")]
    [InlineData("&COPYSR;", "&COPYSR;")]
    [InlineData("&#65;&#65&#x1F600;&#12x;&#59;", "A&#65\U0001F600&#12x;&#59;")]
    [InlineData("&#;&;&", "&#;&;&")]
    public void Complete_references_only(string text, string expected) => Assert.Equal(expected, HtmlEntities.UnescapeComplete(text));
}
