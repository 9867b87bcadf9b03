#pragma once

#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>

#include <cstdint>
#include <memory>
#include <string>

struct sqlite3;
struct sqlite3_stmt;

namespace tiercel::journal {

/// A SQLite connection.
/// Thread safety: none. Errors: returned; each names the file and says what to do.
class Database {
public:
    static Result<std::unique_ptr<Database>> open(std::string path);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    const std::string& path() const noexcept { return path_; }

    Result<void> run(const std::string& sql);
    /// The first column of the first row; 0 if there is none.
    Result<std::int64_t> number(const std::string& sql);
    void roll_back() noexcept;
    /// An error if the file may only be read, which SQLite says no earlier than at the first write. After a first call.
    Result<void> check_writable() const;

    /// What the last call's failure is to a user.
    Error error(const std::string& what) const;
    /// What this result code of SQLite is to a user; `detail`: in SQLite's words.
    Error error(int code, const std::string& what, const char* detail) const;

    sqlite3* handle() const noexcept { return db_; }

private:
    Database(std::string path, sqlite3* db) : path_(std::move(path)), db_(db) {}

    const std::string path_;
    sqlite3* const db_;
};

/// A prepared statement. Lifetime: within its database's.
class Statement {
public:
    static Result<Statement> prepare(Database& database, const char* sql);
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&&) = delete;
    ~Statement();

    /// Binds these, in their order, to the parameters. Bytes must outlive the next run of the statement.
    template <class... Values>
    Result<void> bind(const Values&... values) {
        int parameter = 0;
        int code = 0; // SQLITE_OK
        (void)((code = bind_one(++parameter, values), code == 0) && ...);
        return bound(code);
    }

    /// True if there is a row.
    Result<bool> step();
    /// Runs a statement that gives no rows, and makes it ready for the next binding.
    Result<void> run();

    /// Columns count from 0; the view lasts until the next step.
    BytesView bytes(int column) const;
    std::int64_t number(int column) const;

private:
    Statement(Database& database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}

    int bind_one(int parameter, BytesView bytes);
    int bind_one(int parameter, std::int64_t number);
    Result<void> bound(int code) const;

    Database& database_;
    sqlite3_stmt* statement_;
};

} // namespace tiercel::journal
