#include "database.hpp"

#include <sqlite3.h>

#include <system_error>
#include <utility>

namespace tiercel::journal {

Result<std::unique_ptr<Database>> Database::open(std::string path) {
    sqlite3* db = nullptr;
    const int code =
        sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    std::unique_ptr<Database> database(new Database(std::move(path), db));
    if (code != SQLITE_OK) return Error(Errc::connection_failed, database->error("cannot be opened").message());
    sqlite3_extended_result_codes(db, 1);
    return database;
}

Database::~Database() {
    sqlite3_close_v2(db_);
}

Result<void> Database::run(const std::string& sql) {
    if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return error("failed");
    return {};
}

Result<std::int64_t> Database::number(const std::string& sql) {
    auto statement = Statement::prepare(*this, sql.c_str());
    if (!statement) return statement.error();
    const auto row = statement->step();
    if (!row) return row.error();
    return *row ? statement->number(0) : 0;
}

void Database::roll_back() noexcept {
    if (sqlite3_get_autocommit(db_) == 0) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Result<void> Database::check_writable() const {
    if (sqlite3_db_readonly(db_, "main") == 1)
        return error(SQLITE_READONLY, "cannot be written to", sqlite3_errstr(SQLITE_READONLY));
    return {};
}

Error Database::error(const std::string& what) const {
    return error(sqlite3_errcode(db_), what, sqlite3_errmsg(db_));
}

Error Database::error(int code, const std::string& what, const char* detail) const {
    const std::string file = "journal '" + path_ + "' ";
    const auto why = [&] { // with what the system said, if it did
        const int system = sqlite3_system_errno(db_);
        return " (" + std::string(detail) + (system == 0 ? "" : ": " + std::generic_category().message(system)) + ")";
    };
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return Error(Errc::connection_failed, file + "is in use by another process; give each process its own file");
    case SQLITE_FULL:
        return Error(Errc::writer_failed, file + "is full: JournalOptions::max_bytes, or the disk");
    case SQLITE_NOTADB:
        return Error(Errc::corrupt,
                     file + "is no journal; give the path of another file, or of one that is to be made");
    case SQLITE_CORRUPT:
        return Error(Errc::corrupt, file + "is damaged (" + detail +
                                        "); move it away to start without it, or save what there is of it with "
                                        "sqlite3's .recover");
    case SQLITE_READONLY:
        return Error(Errc::writer_failed, file + "cannot be written to (" + detail +
                                              "); let this process write to the file and to its folder, or, if a newer "
                                              "SQLite has made it, link one as new");
    case SQLITE_CANTOPEN:
        return Error(Errc::writer_failed, file + "cannot be opened" + why() +
                                              "; give the path of a file, in a folder that is there and that this "
                                              "process may write to");
    case SQLITE_IOERR:
        return Error(Errc::writer_failed, file + "met an error of its disk" + why() +
                                              "; see to the disk, or the process's limits; no write that was "
                                              "acknowledged is lost with it unless the disk has lost it");
    case SQLITE_TOOBIG:
        return Error(Errc::value_too_large, file + "takes no key or value over " +
                                                std::to_string(sqlite3_limit(db_, SQLITE_LIMIT_LENGTH, -1)) +
                                                " bytes; lower CacheOptions::max_value_bytes, or split it");
    case SQLITE_NOMEM:
        return Error(Errc::writer_failed, file + "found no memory; raise the process's limit, or give "
                                                 "WriteBehindOptions lower bounds");
    default:
        return Error(Errc::writer_failed, file + what + ": " + detail);
    }
}

Result<Statement> Statement::prepare(Database& database, const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database.handle(), sql, -1, &statement, nullptr) != SQLITE_OK)
        return database.error("failed");
    return Statement(database, statement);
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() {
    sqlite3_finalize(statement_);
}

int Statement::bind_one(int parameter, BytesView bytes) {
    // A null pointer would bind NULL.
    return sqlite3_bind_blob64(statement_, parameter, bytes.data() == nullptr ? "" : bytes.data(), bytes.size(),
                               SQLITE_STATIC);
}

int Statement::bind_one(int parameter, std::int64_t number) {
    return sqlite3_bind_int64(statement_, parameter, number);
}

Result<void> Statement::bound(int code) const {
    if (code != SQLITE_OK) return database_.error(code, "failed", sqlite3_errstr(code));
    return {};
}

Result<bool> Statement::step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return database_.error("failed");
}

Result<void> Statement::run() {
    const auto row = step();
    sqlite3_reset(statement_);
    if (!row) return row.error();
    return {};
}

BytesView Statement::bytes(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return data == nullptr ? BytesView()
                           : BytesView(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

std::int64_t Statement::number(int column) const {
    return sqlite3_column_int64(statement_, column);
}

} // namespace tiercel::journal
