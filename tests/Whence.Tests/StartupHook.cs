/// <summary>
/// Started in a process of the command line by <c>DOTNET_STARTUP_HOOKS</c>: writes down at its end which files were mapped into it. The runtime
/// looks for this name outside of any namespace.
/// </summary>
internal static class StartupHook
{
    /// <summary>Environment variable with the path of the file that is written.</summary>
    public const string Variable = "WHENCE_TEST_MAPS";

    public static void Initialize() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        File.Copy("/proc/self/maps", Environment.GetEnvironmentVariable(Variable)!);
}
