Console.WriteLine("shoal 0.1.0");
