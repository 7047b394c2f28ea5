namespace Shoal;

/// <summary>Who can do something about it.</summary>
public enum ShoalErrorKind
{
    /// <summary>The link, file, or option that was given is wrong.</summary>
    BadInput,

    /// <summary>The machine stands in the way: a port in use, a folder that cannot be written, a full disk.</summary>
    Environment,

    /// <summary>What was asked for did not come about: nobody answered, a server refused.</summary>
    Failed,
}

/// <summary>Something went wrong that a user can understand: the message is one line that names what and where.</summary>
public sealed class ShoalException : Exception
{
    public ShoalException()
        : this(ShoalErrorKind.Failed, "it failed")
    {
    }

    public ShoalException(string message)
        : this(ShoalErrorKind.Failed, message)
    {
    }

    public ShoalException(string message, Exception? innerException)
        : this(ShoalErrorKind.Failed, message, innerException)
    {
    }

    /// <summary>An error of that kind.</summary>
    public ShoalException(ShoalErrorKind kind, string message, Exception? innerException = null)
        : base(message, innerException) => Kind = kind;

    /// <summary>Who can do something about it.</summary>
    public ShoalErrorKind Kind { get; }
}
