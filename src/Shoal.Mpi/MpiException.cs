namespace Shoal.Mpi;

/// <summary>MPI is not to be had, or a call of it failed. The message is one line for the user.</summary>
public sealed class MpiException(string message) : Exception(message);
