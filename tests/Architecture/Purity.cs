using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.CompilerServices;

namespace Architecture;

/// <summary>
/// The second wall around the pure projects: reads what the compiler made, so neither a suppressed warning nor a
/// clever alias gets past it. Names every place that touches the outside world.
/// </summary>
internal static class Purity
{
    private static readonly string[] ForbiddenNamespaces =
    [
        "System.Net.Sockets", "System.Net.Http", "System.Net.NetworkInformation", "System.IO.Pipes",
        "System.IO.MemoryMappedFiles", "System.IO.Pipelines", "System.Threading", "System.Timers", "Microsoft.Win32.SafeHandles",
    ];

    private static readonly string[] ForbiddenTypes =
    [
        "System.Net.IPEndPoint", "System.Net.EndPoint", "System.Net.Dns", "System.Random", "System.TimeProvider",
        "System.IO.File", "System.IO.FileInfo", "System.IO.FileStream", "System.IO.FileSystemInfo", "System.IO.Directory",
        "System.IO.DirectoryInfo", "System.IO.RandomAccess", "System.Console", "System.Diagnostics.Stopwatch",
        "System.Diagnostics.Process", "System.Security.Cryptography.RandomNumberGenerator",
        "System.Runtime.CompilerServices.IAsyncStateMachine", "System.Runtime.CompilerServices.AsyncTaskMethodBuilder",
    ];

    private static readonly string[] ForbiddenMembers =
    [
        "System.DateTime.get_Now", "System.DateTime.get_UtcNow", "System.DateTimeOffset.get_Now",
        "System.DateTimeOffset.get_UtcNow", "System.Environment.get_TickCount", "System.Environment.get_TickCount64",
        "System.Guid.NewGuid", "System.Guid.CreateVersion7",
    ];

    private static readonly Type[] MutableCollections =
        [typeof(List<>), typeof(Dictionary<,>), typeof(HashSet<>), typeof(Queue<>), typeof(System.Text.StringBuilder)];

    private const BindingFlags All =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    /// <summary>Every breach in the assembly, one line each, in order.</summary>
    public static IReadOnlyList<string> BreachesOf(Assembly assembly) =>
        [.. References(assembly).Concat(Members(assembly)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    private static bool IsForbidden(string fullName) =>
        ForbiddenTypes.Contains(fullName, StringComparer.Ordinal) ||
        ForbiddenNamespaces.Any(space => fullName.StartsWith(space + ".", StringComparison.Ordinal));

    // Whatever the code so much as mentions has a row in the table of type references, even a local variable's type.
    private static IEnumerable<string> References(Assembly assembly)
    {
        using var stream = File.OpenRead(assembly.Location);
        using var image = new PEReader(stream);
        var metadata = image.GetMetadataReader();
        var name = assembly.GetName().Name;
        foreach (var handle in metadata.TypeReferences)
        {
            var used = NameOf(metadata, handle);
            if (IsForbidden(used))
            {
                yield return $"{name} uses {used}";
            }
        }

        foreach (var handle in metadata.MemberReferences)
        {
            var member = metadata.GetMemberReference(handle);
            if (member.Parent.Kind == HandleKind.TypeReference)
            {
                var used = $"{NameOf(metadata, (TypeReferenceHandle)member.Parent)}.{metadata.GetString(member.Name)}";
                if (ForbiddenMembers.Contains(used, StringComparer.Ordinal))
                {
                    yield return $"{name} uses {used}";
                }
            }
        }
    }

    private static string NameOf(MetadataReader metadata, TypeReferenceHandle handle)
    {
        var type = metadata.GetTypeReference(handle);
        return $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}";
    }

    private static IEnumerable<string> Members(Assembly assembly)
    {
        foreach (var type in assembly.GetTypes())
        {
            if (typeof(IAsyncStateMachine).IsAssignableFrom(type))
            {
                yield return $"{type.DeclaringType}: {type.Name} is the state machine of an async method";
            }

            foreach (var field in type.GetFields(All))
            {
                if (MentionsForbidden(field.FieldType))
                {
                    yield return $"field {type.FullName}.{field.Name} is a {field.FieldType}";
                }

                if (IsMutableStatic(field))
                {
                    yield return $"field {type.FullName}.{field.Name} is static and can change";
                }
            }

            foreach (var method in type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All)))
            {
                foreach (var parameter in method.GetParameters().Where(p => MentionsForbidden(p.ParameterType)))
                {
                    yield return $"parameter {parameter.Name} of {type.FullName}.{method.Name} is a {parameter.ParameterType}";
                }
            }
        }
    }

    private static bool MentionsForbidden(Type type) =>
        type.HasElementType ? MentionsForbidden(type.GetElementType()!)
        : (!type.IsGenericParameter && IsForbidden($"{type.Namespace}.{type.Name}")) ||
          type.GenericTypeArguments.Any(MentionsForbidden);

    // The compiler's own caches (of lambdas, of constant spans) are static too, and of no concern.
    private static bool IsMutableStatic(FieldInfo field) =>
        field is { IsStatic: true, IsLiteral: false } &&
        !field.Name.StartsWith('<') &&
        field.DeclaringType!.GetCustomAttribute<CompilerGeneratedAttribute>() is null &&
        (!field.IsInitOnly ||
         MutableCollections.Contains(field.FieldType.IsGenericType ? field.FieldType.GetGenericTypeDefinition() : field.FieldType));
}
