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
