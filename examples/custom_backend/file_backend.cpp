// How do I write a backend of my own?
//
// With a store whose calls block, derive from spi::BlockingClient, and let make_blocking_backend() see to threads,
// deadlines, coroutines and closing. contract.cpp runs the suite on it that every backend passes.

#include "file_backend.hpp"

#include <tiercel/spi/blocking_backend.hpp>

#include <boost/algorithm/hex.hpp>

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <system_error>

namespace example {
namespace {

namespace fs = std::filesystem;
using namespace tiercel;
using namespace tiercel::spi;
using std::chrono::milliseconds;

/// Milliseconds of wall time at which a value expires: the first eight bytes of its file.
using Expiry = std::int64_t;
constexpr Expiry never = 0;

Expiry now() {
    return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Expiry expiry_of(std::optional<milliseconds> ttl) {
    return ttl ? now() + ttl->count() : never;
}

bool over(Expiry expiry) {
    return expiry != never && expiry <= now();
}

class FileClient final : public BlockingClient {
public:
    explicit FileClient(fs::path directory) : directory_(std::move(directory)) {}

    std::string_view name() const noexcept override { return "files"; }

    /// A file's name has two characters for each byte of the key, and 255 at most.
    Capabilities capabilities() const noexcept override {
        return {.max_key_bytes = 120, .max_value_bytes = 16 << 20, .reads_ttl = true, .scans = true};
    }

    std::vector<Lookup> get_many(std::span<const BytesView> keys, SteadyTime) override {
        std::vector<Lookup> found;
        for (const auto key : keys)
            found.push_back(get(key));
        return found;
    }

    std::vector<Result<void>> put_many(std::span<const PutItem> items, SteadyTime) override {
        std::vector<Result<void>> stored;
        for (const auto& item : items)
            stored.push_back(put(item));
        return stored;
    }

    std::vector<Result<bool>> erase_many(std::span<const BytesView> keys, SteadyTime) override {
        std::vector<Result<bool>> erased;
        for (const auto key : keys) {
            const bool there = expiry_in(key).has_value();
            std::error_code error;
            erased.emplace_back(fs::remove(file_of(key), error) && there);
            if (error) erased.back() = failure(error.message());
        }
        return erased;
    }

    std::vector<Result<bool>> touch_many(std::span<const BytesView> keys, milliseconds ttl, SteadyTime) override {
        std::vector<Result<bool>> touched;
        for (const auto key : keys) {
            std::fstream file(file_of(key), std::ios::in | std::ios::out | std::ios::binary);
            const bool there = file.is_open() && expiry_in(key).has_value();
            if (there) write_expiry(file.seekp(0), expiry_of(ttl));
            touched.emplace_back(there);
            if (there && !file.flush()) touched.back() = failure("a file could not be written");
        }
        return touched;
    }

    Result<ScanPage> scan(BytesView prefix, const std::string&, SteadyTime) override {
        ScanPage page;
        const auto start = boost::algorithm::hex(Bytes(prefix));
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(directory_, error)) {
            const auto file = entry.path().filename().string();
            if (file.starts_with('.') || !file.starts_with(start)) continue;
            auto key = boost::algorithm::unhex(file);
            if (expiry_in(key)) page.keys.push_back(std::move(key));
        }
        if (error) return failure(error.message());
        return page;
    }

    Result<void> ping(SteadyTime) override {
        std::error_code error;
        if (!fs::is_directory(directory_, error)) return failure("it is no directory");
        return {};
    }

private:
    fs::path file_of(BytesView key) const { return directory_ / boost::algorithm::hex(Bytes(key)); }

    Error failure(const std::string& why) const {
        return {Errc::server_error, "cannot use the directory " + directory_.string() + ": " + why};
    }

    static std::optional<Expiry> read_expiry(std::istream& file) {
        Expiry expiry = never;
        if (!file.read(reinterpret_cast<char*>(&expiry), sizeof expiry) || over(expiry)) return std::nullopt;
        return expiry;
    }
    static void write_expiry(std::ostream& file, Expiry expiry) {
        file.write(reinterpret_cast<const char*>(&expiry), sizeof expiry);
    }

    /// Nothing where there is no value, or one past its time.
    std::optional<Expiry> expiry_in(BytesView key) const {
        std::ifstream file(file_of(key), std::ios::binary);
        return read_expiry(file);
    }

    Lookup get(BytesView key) const {
        std::ifstream file(file_of(key), std::ios::binary);
        if (!file.is_open()) return std::nullopt;
        const auto expiry = read_expiry(file);
        if (!expiry) return std::nullopt;
        Found found;
        found.value.assign(std::istreambuf_iterator<char>(file), {});
        if (*expiry != never) found.remaining_ttl = milliseconds(*expiry - now());
        return found;
    }

    /// Into a file of its own first, so that nobody ever reads half a value.
    Result<void> put(const PutItem& item) {
        if (item.key.size() > capabilities().max_key_bytes)
            return Error(Errc::invalid_key, "the name of a file cannot hold a key of more than 120 bytes");
        if (item.value.size() > capabilities().max_value_bytes)
            return Error(Errc::value_too_large, "a value of more than 16 MiB does not go into a file");
        const auto draft = directory_ / (".draft-" + std::to_string(::getpid()) + "-" + std::to_string(++drafts_));
        std::ofstream file(draft, std::ios::binary);
        write_expiry(file, expiry_of(item.ttl));
        file.write(item.value.data(), static_cast<std::streamsize>(item.value.size()));
        file.close();
        std::error_code error;
        if (file) fs::rename(draft, file_of(item.key), error);
        if (file && !error) return {};
        fs::remove(draft, error);
        return failure("a file could not be written; is the disk full?");
    }

    fs::path directory_;
    std::atomic<unsigned> drafts_ = 0;
};

} // namespace

Result<std::shared_ptr<Backend>> file_backend(fs::path directory) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (error) return Error(Errc::invalid_option, directory.string() + ": " + error.message());
    return make_blocking_backend(std::make_shared<FileClient>(std::move(directory)), {.threads = 4});
}

} // namespace example
