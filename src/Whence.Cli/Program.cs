Console.WriteLine("whence");
