using Whence.Cli;

return await WhenceCommand.RunAsync(args, Console.Out, Console.Error);
