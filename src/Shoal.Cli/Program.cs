Console.WriteLine("shoal");
