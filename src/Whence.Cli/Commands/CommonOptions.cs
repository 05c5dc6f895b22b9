using System.CommandLine;

namespace Whence.Cli.Commands;

/// <summary>Options that several commands share, said once.</summary>
internal static class CommonOptions
{
    public static Option<string> Index() => new("--index")
    {
        Description = "Folder of the index (whence index ... --out DIR)",
        HelpName = "DIR",
        Required = true,
    };

    public static Option<int> Threads() => new Option<int>("--threads")
    {
        Description = "Threads to use; results do not depend on it",
        HelpName = "N",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    }.AtLeast(1);

    /// <summary>Refuses options that were given and do nothing.</summary>
    /// <param name="parsed">What was given.</param>
    /// <param name="when">What makes them useless, after "does nothing".</param>
    /// <param name="useless">The options.</param>
    /// <exception cref="WhenceException">One was given.</exception>
    public static void Refuse(this ParseResult parsed, string when, params Option[] useless)
    {
        if (useless.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } option)
        {
            throw new WhenceException($"{option.Name} does nothing {when}; leave it out.");
        }
    }

    /// <summary>Refuses values below a bound, with the bound in the message.</summary>
    public static Option<int> AtLeast(this Option<int> option, int bound)
    {
        option.Validators.Add(result =>
        {
            // What is no number at all, the parser reports itself.
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var value) && value < bound)
            {
                result.AddError($"{option.Name} must be at least {bound}.");
            }
        });
        return option;
    }
}
