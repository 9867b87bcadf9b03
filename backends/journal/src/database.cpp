#include "database.hpp"

#include <sqlite3.h>

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

Error Database::error(const std::string& what) const {
    const std::string file = "journal '" + path_ + "' ";
    switch (sqlite3_errcode(db_) & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return Error(Errc::connection_failed, file + "is in use by another process; give each process its own file");
    case SQLITE_FULL:
        return Error(Errc::writer_failed, file + "is full: JournalOptions::max_bytes, or the disk");
    case SQLITE_NOTADB:
        return Error(Errc::corrupt,
                     file + "is no journal; give the path of another file, or of one that is to be made");
    case SQLITE_CORRUPT:
        return Error(Errc::corrupt, file + "is damaged (" + sqlite3_errmsg(db_) +
                                        "); move it away to start without it, or save what there is of it with "
                                        "sqlite3's .recover");
    default:
        return Error(Errc::writer_failed, file + what + ": " + sqlite3_errmsg(db_));
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

void Statement::bind(int parameter, BytesView bytes) {
    // A null pointer would bind NULL.
    sqlite3_bind_blob64(statement_, parameter, bytes.data() == nullptr ? "" : bytes.data(), bytes.size(),
                        SQLITE_STATIC);
}

void Statement::bind(int parameter, std::int64_t number) {
    sqlite3_bind_int64(statement_, parameter, number);
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
