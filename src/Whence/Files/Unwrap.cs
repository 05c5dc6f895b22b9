using System.Runtime.ExceptionServices;

namespace Whence.Files;

/// <summary>Parallel loops wrap what went wrong; callers want the error itself.</summary>
internal static class Unwrap
{
    /// <summary>Runs a parallel loop and throws the first error as it was thrown.</summary>
    public static void Aggregate(Action loop)
    {
        try
        {
            loop();
        }
        catch (AggregateException e) when (e.InnerExceptions.Count > 0)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }
}
