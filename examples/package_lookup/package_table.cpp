#include "package_table.hpp"

#include <sqlite3.h>

#include <stdexcept>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

namespace package_lookup {

/// One thread's at a time.
class PackageTable::Connection {
public:
    Connection(const std::filesystem::path& file, int flags) {
        const int status = sqlite3_open_v2(file.c_str(), &db_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
        if (status != SQLITE_OK) {
            const std::string why = db_ ? sqlite3_errmsg(db_) : sqlite3_errstr(status);
            sqlite3_close(db_);
            throw std::runtime_error("cannot open the database " + file.string() + ": " + why);
        }
    }
    ~Connection() { sqlite3_close(db_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void run(const char* sql) { check(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr)); }
    void check(int status) const {
        if (status != SQLITE_OK && status != SQLITE_DONE && status != SQLITE_ROW) {
            throw std::runtime_error(std::string("SQLite: ") + sqlite3_errmsg(db_));
        }
    }
    sqlite3* get() const { return db_; }

private:
    sqlite3* db_ = nullptr;
};

namespace {

class Statement {
public:
    template <class Connection>
    Statement(const Connection& connection, const std::string& sql) {
        connection.check(sqlite3_prepare_v2(connection.get(), sql.c_str(), -1, &statement_, nullptr));
    }
    ~Statement() { sqlite3_finalize(statement_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    /// `text` must live until the next step.
    void bind(int index, const std::string& text) {
        sqlite3_bind_text(statement_, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    }
    void bind(int index, std::uint64_t number) {
        sqlite3_bind_int64(statement_, index, static_cast<sqlite3_int64>(number));
    }
    /// True for a row, false at the end.
    template <class Connection>
    bool step(const Connection& connection) {
        const int status = sqlite3_step(statement_);
        connection.check(status);
        return status == SQLITE_ROW;
    }
    void reset() { sqlite3_reset(statement_); }
    std::string text(int column) {
        const auto* data = sqlite3_column_text(statement_, column);
        return data ? reinterpret_cast<const char*>(data) : "";
    }
    std::uint64_t number(int column) { return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column)); }

private:
    sqlite3_stmt* statement_ = nullptr;
};

std::string joined_lines(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines)
        text += line + '\n';
    return text;
}

std::vector<std::string> split_lines(std::string_view text) {
    std::vector<std::string> lines;
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    return lines;
}

} // namespace

/// A connection out of the pool, which goes back into it.
struct PackageTable::Lease {
    explicit Lease(PackageTable& of) : table(of) {
        {
            const std::lock_guard lock(table.mutex_);
            if (!table.idle_.empty()) {
                connection = std::move(table.idle_.back());
                table.idle_.pop_back();
            }
        }
        if (!connection) connection = std::make_unique<Connection>(table.file_, SQLITE_OPEN_READONLY);
    }
    ~Lease() {
        const std::lock_guard lock(table.mutex_);
        table.idle_.push_back(std::move(connection));
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    PackageTable& table;
    std::unique_ptr<Connection> connection;
};

void PackageTable::create(const std::filesystem::path& file, std::span<const Package> packages) {
    std::filesystem::remove(file);
    Connection db(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    db.run("CREATE TABLE packages (name TEXT PRIMARY KEY, rank INTEGER, version TEXT, section TEXT, maintainer TEXT,"
           " homepage TEXT, installed_kib INTEGER, depends TEXT, description TEXT) WITHOUT ROWID;"
           "BEGIN");
    {
        Statement insert(db, "INSERT INTO packages VALUES (?,?,?,?,?,?,?,?,?)");
        std::uint64_t rank = 0;
        for (const auto& package : packages) {
            const auto depends = joined_lines(package.depends);
            insert.bind(1, package.name);
            insert.bind(2, rank++);
            insert.bind(3, package.version);
            insert.bind(4, package.section);
            insert.bind(5, package.maintainer);
            insert.bind(6, package.homepage);
            insert.bind(7, package.installed_kib);
            insert.bind(8, depends);
            insert.bind(9, package.description);
            insert.step(db);
            insert.reset();
        }
    }
    db.run("COMMIT");
}

PackageTable::PackageTable(std::filesystem::path file) : file_(std::move(file)) {}
PackageTable::~PackageTable() = default;

std::vector<std::optional<Package>> PackageTable::find(std::span<const std::string> names) {
    std::vector<std::optional<Package>> found(names.size());
    if (names.empty()) return found;
    ++queries_;
    if (const auto slow_by = slow_by_ms_.exchange(0); slow_by > 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(slow_by));
    }

    std::string sql = "SELECT name, version, section, maintainer, homepage, installed_kib, depends, description "
                      "FROM packages WHERE name IN (?";
    for (std::size_t i = 1; i < names.size(); ++i)
        sql += ",?";
    sql += ")";
    std::unordered_map<std::string_view, std::size_t> place;
    const Lease lease(*this);
    Statement query(*lease.connection, sql);
    for (std::size_t i = 0; i < names.size(); ++i) {
        place[names[i]] = i;
        query.bind(static_cast<int>(i) + 1, names[i]);
    }
    while (query.step(*lease.connection)) {
        Package package;
        package.name = query.text(0);
        package.version = query.text(1);
        package.section = query.text(2);
        package.maintainer = query.text(3);
        package.homepage = query.text(4);
        package.installed_kib = query.number(5);
        package.depends = split_lines(query.text(6));
        package.description = query.text(7);
        const auto at = place.at(package.name);
        found[at] = std::move(package);
    }
    return found;
}

std::vector<std::string> PackageTable::names() {
    std::vector<std::string> names;
    const Lease lease(*this);
    Statement query(*lease.connection, "SELECT name FROM packages ORDER BY rank");
    while (query.step(*lease.connection))
        names.push_back(query.text(0));
    return names;
}

} // namespace package_lookup
