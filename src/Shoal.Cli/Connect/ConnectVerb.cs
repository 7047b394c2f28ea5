namespace Shoal.Cli.Connect;

/// <summary>What a word of a command is, and so how it is completed.</summary>
internal enum WordKind
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>A file or folder of this machine.</summary>
    Path,

    /// <summary>A folder of this machine.</summary>
    Folder,

    /// <summary>A name in the catalogue, perhaps with a version.</summary>
    Name,

    /// <summary>A pattern of names.</summary>
    Pattern,

    /// <summary>Any word.</summary>
    Word,

    /// <summary>The name of a command.</summary>
    Command,
}

/// <summary>A command of the interactive client: its words, what help says of it, and what it does. Immutable.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Summary">One line of help.</param>
/// <param name="First">What its first word is.</param>
/// <param name="IsOptional">Whether that may be left out.</param>
/// <param name="Keyword">The word between the first and the second; null if there is no second.</param>
/// <param name="Second">What its second word is.</param>
/// <param name="More">More lines of help.</param>
/// <param name="RunAsync">Does it, with its first and second word.</param>
internal sealed record ConnectVerb(
    string Name, string Summary, WordKind First, bool IsOptional, string? Keyword, WordKind Second, string More,
    Func<ConnectSession, string?, string?, CancellationToken, Task> RunAsync)
{
    /// <summary>All of them, in the order in which help has them.</summary>
    public static IReadOnlyList<ConnectVerb> All { get; } =
    [
        new("upload", "publish a file or folder, and seed it", WordKind.Path, false, "as", WordKind.Name,
            "NAME is what it shall be called (default: the last part of the path); with a slash at its end the path's own name follows. " +
            "It is seeded until you leave, and again when you connect to this tracker the next time.",
            (session, path, name, stop) => session.Uploads.UploadAsync(path!, name, stop)),
        new("download", "get a name, or a version of it (NAME@3), and seed it", WordKind.Name, false, "to", WordKind.Folder,
            "DIR is the folder to put it in (default: the current one). What is there of it already is not fetched again.",
            (session, name, folder, stop) => session.Downloads.DownloadAsync(name!, folder, stop)),
        new("list", "show what the catalogue has", WordKind.Pattern, true, null, WordKind.None,
            "In PATTERN ? is one character, * any within a level, ** any across levels; also [a-z] and {a,b}.",
            (session, pattern, _, stop) => session.Questions.ListAsync(pattern, stop)),
        new("search", "show the names that hold a word, in small or capital letters", WordKind.Word, false, null, WordKind.None, "",
            (session, word, _, stop) => session.Questions.SearchAsync(word!, stop)),
        new("subscribe", "get what matches, now and whenever it appears", WordKind.Pattern, false, "to", WordKind.Folder,
            "DIR is the folder to put it in (default: the current one): each name is a link there, to the newest version that is whole. Until you leave; " +
            "'shoal subscribe' does the same without a prompt, and more.",
            (session, pattern, folder, stop) => session.Subscriptions.SubscribeAsync(pattern!, folder, stop)),
        new("status", "show what is fetched and seeded", WordKind.None, true, null, WordKind.None, "",
            (session, _, _, stop) => session.Questions.ShowStatusAsync(stop)),
        new("peers", "show who is connected for a name, and how fast it goes", WordKind.Name, false, null, WordKind.None,
            "Of a name that is neither fetched nor seeded here: how many have it.",
            (session, name, _, stop) => session.Questions.ShowPeersAsync(name!, stop)),
        new("remove", "take a name, or a version of it (NAME@3), out of the catalogue", WordKind.Name, false, null, WordKind.None,
            "Files stay where they are, here and elsewhere; what you uploaded is not seeded any more.",
            (session, name, _, stop) => session.Uploads.RemoveAsync(name!, stop)),
        new("help", "show the commands, or what one does", WordKind.Command, true, null, WordKind.None, "",
            (session, command, _, _) => session.Questions.HelpAsync(command)),
        new("exit", "leave: transfers end, and the tracker hears of it (also quit, Ctrl-D)", WordKind.None, true, null, WordKind.None, "",
            (session, _, _, _) => session.Leave()),
    ];

    /// <summary>"upload PATH [as NAME]".</summary>
    public string Usage => Name +
        (First == WordKind.None ? "" : IsOptional ? $" [{Placeholder(First)}]" : $" {Placeholder(First)}") +
        (Keyword is null ? "" : $" [{Keyword} {Placeholder(Second)}]");

    /// <summary>The command of that name.</summary>
    /// <exception cref="UserErrorException">There is none.</exception>
    public static ConnectVerb Find(string name) => All.FirstOrDefault(verb => verb.Name == (name == "quit" ? "exit" : name))
        ?? throw new UserErrorException($"there is no command '{Reporting.Printable.Of(name)}'; 'help' lists them");

    /// <summary>Its words, without its name, as first and second.</summary>
    /// <exception cref="UserErrorException">They are not those that it takes.</exception>
    public (string? First, string? Second) Take(IReadOnlyList<string> words) => words switch
    {
        [] when IsOptional => (null, null),
        [var first] when First != WordKind.None => (first, null),
        [var first, var keyword, var second] when keyword == Keyword => (first, second),
        _ => throw new UserErrorException(
            $"it is '{Usage}'{(words.Count > 1 && First != WordKind.None ? "; put what holds blanks into quotes" : "")}"),
    };

    private static string Placeholder(WordKind kind) => kind == WordKind.Folder ? "DIR" : kind.ToString().ToUpperInvariant();
}
