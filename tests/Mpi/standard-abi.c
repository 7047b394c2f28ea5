/*
 * The standard ABI of MPI 5 (chapter 20) over the MPI that this is compiled with: the calls that Shoal makes, no more. With
 * it the tests run what is written for libmpi_abi.so.0 where no MPI has one yet.
 *
 *   mpicc -shared -fPIC -o libmpi_abi.so.0 standard-abi.c
 *
 * It calls the PMPI_ names, so that its own MPI_ names may stand before the library's.
 */
#include <mpi.h>
#include <stdint.h>
#include <stdlib.h>

#define ABI(name) __asm__("MPI_" #name)

typedef intptr_t Handle;

typedef struct {
    int source, tag, error, internal[5];
} Status;

enum { ANY_SOURCE = -1, ANY_TAG = -2, UNDEFINED = -32766, TYPE_SHARED = 221 };
enum { COMM_WORLD = 0x101, MESSAGE_NULL = 0x128, REQUEST_NULL = 0x180 };

static MPI_Comm comm(Handle h) { return h == COMM_WORLD ? MPI_COMM_WORLD : (MPI_Comm)h; }

/* What is none of the constants that we know must not pass for one that happens to work. */
static void refuse(int isWrong) {
    if (isWrong) abort();
}

static MPI_Datatype type(Handle h) {
    refuse(h != 0x247 && h != 0x209);
    return h == 0x247 ? MPI_BYTE : MPI_INT;
}

static MPI_Request toNative(Handle h) { return h == REQUEST_NULL ? MPI_REQUEST_NULL : (MPI_Request)h; }
static Handle toStandard(MPI_Request r) { return r == MPI_REQUEST_NULL ? REQUEST_NULL : (Handle)r; }

static void give(Status *to, MPI_Status *from, int hasError) {
    int count = 0, cancelled = 0;
    if (!to) return;
    PMPI_Test_cancelled(from, &cancelled);
    if (!cancelled) PMPI_Get_count(from, MPI_BYTE, &count);
    to->source = from->MPI_SOURCE == MPI_ANY_SOURCE ? ANY_SOURCE : from->MPI_SOURCE;
    to->tag = from->MPI_TAG == MPI_ANY_TAG ? ANY_TAG : from->MPI_TAG;
    if (hasError) to->error = from->MPI_ERROR;
    to->internal[0] = count;
    to->internal[1] = cancelled;
}

int init(int *c, char ***v, int required, int *provided) ABI(Init_thread);
int init(int *c, char ***v, int required, int *provided) {
    static const int natives[] = {MPI_THREAD_SINGLE, MPI_THREAD_FUNNELED, MPI_THREAD_SERIALIZED, MPI_THREAD_MULTIPLE};
    int got, code;
    refuse(required % 1024 || required / 1024 > 4 || required / 1024 == 3);
    code = PMPI_Init_thread(c, v, natives[required == 4096 ? 3 : required / 1024], &got);
    *provided = got == MPI_THREAD_MULTIPLE ? 4096 : got == MPI_THREAD_SERIALIZED ? 2048 : got == MPI_THREAD_FUNNELED ? 1024 : 0;
    return code;
}

int finalize(void) ABI(Finalize);
int finalize(void) { return PMPI_Finalize(); }

int abortAll(Handle c, int code) ABI(Abort);
int abortAll(Handle c, int code) { return PMPI_Abort(comm(c), code); }

int setErrhandler(Handle c, Handle e) ABI(Comm_set_errhandler);
int setErrhandler(Handle c, Handle e) {
    refuse(e != 0x143);
    return PMPI_Comm_set_errhandler(comm(c), MPI_ERRORS_RETURN);
}

int commRank(Handle c, int *rank) ABI(Comm_rank);
int commRank(Handle c, int *rank) { return PMPI_Comm_rank(comm(c), rank); }

int commSize(Handle c, int *size) ABI(Comm_size);
int commSize(Handle c, int *size) { return PMPI_Comm_size(comm(c), size); }

int commDup(Handle c, Handle *copy) ABI(Comm_dup);
int commDup(Handle c, Handle *copy) {
    MPI_Comm made;
    int code = PMPI_Comm_dup(comm(c), &made);
    *copy = (Handle)made;
    return code;
}

int splitType(Handle c, int kind, int key, Handle info, Handle *part) ABI(Comm_split_type);
int splitType(Handle c, int kind, int key, Handle info, Handle *part) {
    MPI_Comm made;
    int code;
    refuse(kind != TYPE_SHARED || info != 0x130);
    code = PMPI_Comm_split_type(comm(c), MPI_COMM_TYPE_SHARED, key, MPI_INFO_NULL, &made);
    *part = (Handle)made;
    return code;
}

int commFree(Handle *c) ABI(Comm_free);
int commFree(Handle *c) {
    MPI_Comm native = comm(*c);
    *c = 0x100;
    return PMPI_Comm_free(&native);
}

int errorString(int code, char *text, int *length) ABI(Error_string);
int errorString(int code, char *text, int *length) { return PMPI_Error_string(code, text, length); }

int processorName(char *text, int *length) ABI(Get_processor_name);
int processorName(char *text, int *length) { return PMPI_Get_processor_name(text, length); }

int libraryVersion(char *text, int *length) ABI(Get_library_version);
int libraryVersion(char *text, int *length) {
    static const char prefix[] = "Standard ABI over ";
    int i, code = PMPI_Get_library_version(text + sizeof prefix - 1, length);
    for (i = 0; i < (int)sizeof prefix - 1; i++) text[i] = prefix[i];
    *length += sizeof prefix - 1;
    return code;
}

int isend(const void *b, int n, Handle t, int to, int tag, Handle c, Handle *request) ABI(Isend);
int isend(const void *b, int n, Handle t, int to, int tag, Handle c, Handle *request) {
    MPI_Request made = MPI_REQUEST_NULL;
    int code = PMPI_Isend(b, n, type(t), to, tag, comm(c), &made);
    *request = toStandard(made);
    return code;
}

static int source(int rank) { return rank == ANY_SOURCE ? MPI_ANY_SOURCE : rank; }
static int tagOf(int tag) { return tag == ANY_TAG ? MPI_ANY_TAG : tag; }

int irecv(void *b, int n, Handle t, int from, int tag, Handle c, Handle *request) ABI(Irecv);
int irecv(void *b, int n, Handle t, int from, int tag, Handle c, Handle *request) {
    MPI_Request made = MPI_REQUEST_NULL;
    int code = PMPI_Irecv(b, n, type(t), source(from), tagOf(tag), comm(c), &made);
    *request = toStandard(made);
    return code;
}

int improbe(int from, int tag, Handle c, int *flag, Handle *message, Status *status) ABI(Improbe);
int improbe(int from, int tag, Handle c, int *flag, Handle *message, Status *status) {
    MPI_Message found = MPI_MESSAGE_NULL;
    MPI_Status native = {0}; /* MPICH sets no cancelled flag here */
    int code = PMPI_Improbe(source(from), tagOf(tag), comm(c), flag, &found, &native);
    *message = *flag ? (Handle)found : MESSAGE_NULL;
    if (*flag) give(status, &native, 0);
    return code;
}

int imrecv(void *b, int n, Handle t, Handle *message, Handle *request) ABI(Imrecv);
int imrecv(void *b, int n, Handle t, Handle *message, Handle *request) {
    MPI_Message native = (MPI_Message)*message;
    MPI_Request made = MPI_REQUEST_NULL;
    int code = PMPI_Imrecv(b, n, type(t), &native, &made);
    *message = MESSAGE_NULL;
    *request = toStandard(made);
    return code;
}

int test(Handle *request, int *flag, Status *status) ABI(Test);
int test(Handle *request, int *flag, Status *status) {
    MPI_Request native = toNative(*request);
    MPI_Status got = {0};
    int code = PMPI_Test(&native, flag, &got);
    *request = toStandard(native);
    if (*flag) give(status, &got, 0);
    return code;
}

int testsome(int count, Handle *requests, int *done, int *indices, Status *statuses) ABI(Testsome);
int testsome(int count, Handle *requests, int *done, int *indices, Status *statuses) {
    static MPI_Request *natives;
    static MPI_Status *got;
    int i, code;
    natives = realloc(natives, count * sizeof *natives);
    got = realloc(got, count * sizeof *got);
    for (i = 0; i < count; i++) natives[i] = toNative(requests[i]);
    code = PMPI_Testsome(count, natives, done, indices, got);
    for (i = 0; i < count; i++) requests[i] = toStandard(natives[i]);
    if (*done == MPI_UNDEFINED) *done = UNDEFINED;
    for (i = 0; i < *done; i++) give(statuses + i, got + i, code != MPI_SUCCESS);
    return code == MPI_ERR_IN_STATUS ? 19 : code;
}

int cancel(Handle *request) ABI(Cancel);
int cancel(Handle *request) {
    MPI_Request native = toNative(*request);
    return PMPI_Cancel(&native);
}

int testCancelled(const Status *status, int *flag) ABI(Test_cancelled);
int testCancelled(const Status *status, int *flag) {
    *flag = status->internal[1];
    return 0;
}

int getCount(const Status *status, Handle t, int *count) ABI(Get_count);
int getCount(const Status *status, Handle t, int *count) {
    refuse(t != 0x247);
    *count = status->internal[0];
    return 0;
}

int iallreduce(const void *mine, void *all, int n, Handle t, Handle op, Handle c, Handle *request) ABI(Iallreduce);
int iallreduce(const void *mine, void *all, int n, Handle t, Handle op, Handle c, Handle *request) {
    MPI_Request made = MPI_REQUEST_NULL;
    int code;
    refuse(op != 0x23);
    code = PMPI_Iallreduce(mine, all, n, type(t), MPI_MAX, comm(c), &made);
    *request = toStandard(made);
    return code;
}

int iallgather(const void *mine, int n, Handle t, void *all, int m, Handle u, Handle c, Handle *request) ABI(Iallgather);
int iallgather(const void *mine, int n, Handle t, void *all, int m, Handle u, Handle c, Handle *request) {
    MPI_Request made = MPI_REQUEST_NULL;
    int code = PMPI_Iallgather(mine, n, type(t), all, m, type(u), comm(c), &made);
    *request = toStandard(made);
    return code;
}

int ibcast(void *b, int n, Handle t, int root, Handle c, Handle *request) ABI(Ibcast);
int ibcast(void *b, int n, Handle t, int root, Handle c, Handle *request) {
    MPI_Request made = MPI_REQUEST_NULL;
    int code = PMPI_Ibcast(b, n, type(t), root, comm(c), &made);
    *request = toStandard(made);
    return code;
}

int bcast(void *b, int n, Handle t, int root, Handle c) ABI(Bcast);
int bcast(void *b, int n, Handle t, int root, Handle c) { return PMPI_Bcast(b, n, type(t), root, comm(c)); }
