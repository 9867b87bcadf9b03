#include "lab/trace_reader.hpp"

#include "lab/byte_source.hpp"
#include "lab/failure.hpp"
#include "lab/number_text.hpp"

#include <tiercel/hash.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstring>
#include <limits>
#include <utility>

namespace tiercel::lab {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{1} << 20;
constexpr std::size_t longest_line = std::size_t{1} << 20;
constexpr std::string_view blanks = " \t";

/// string_view::find_first_of, but fast for two characters.
std::size_t first_blank(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size(); ++at)
        if (text[at] == ' ' || text[at] == '\t') return at;
    return text.npos;
}

struct HashedText {
    std::uint64_t hash;
    mutable std::string_view text; ///< moves to where it stays once the key is in the table; always the same text
    friend bool operator==(const HashedText& a, const HashedText& b) noexcept { return a.text == b.text; }
};

struct KnownHash {
    using is_avalanching = void;
    std::size_t operator()(const HashedText& key) const noexcept { return key.hash; }
};

/// Numbers the keys as they come.
class TraceBuilder {
public:
    TraceBuilder(std::string name, std::uint64_t seed) : salt_(seed == 0 ? 0 : detail::mix(seed)) {
        trace_.name = std::move(name);
        trace_.texts = std::make_unique<std::pmr::monotonic_buffer_resource>(std::size_t{64} << 10);
    }

    /// True if the key is new.
    bool add(std::string_view key) {
        const std::uint64_t hash = hash_of(key);
        if (trace_.key_hashes.size() == std::numeric_limits<std::uint32_t>::max())
            throw Failure(trace_.name + ": more than 4,294,967,295 different keys; cut the trace into parts");
        auto [at, is_new] =
            numbers_.try_emplace(HashedText{hash, key}, static_cast<std::uint32_t>(trace_.key_hashes.size()));
        if (is_new) {
            auto* const kept = static_cast<char*>(trace_.texts->allocate(key.size(), 1));
            std::memcpy(kept, key.data(), key.size());
            at->first.text = {kept, key.size()};
            trace_.key_texts.push_back(at->first.text);
            trace_.key_hashes.push_back(salt_ == 0 ? hash : detail::mix(hash ^ salt_));
        }
        trace_.keys.push_back(at->second);
        return is_new;
    }

    void add_size(std::uint64_t size, bool is_new) {
        trace_.sizes.push_back(size);
        if (!is_new) return;
        if (__builtin_add_overflow(trace_.unique_bytes, size, &trace_.unique_bytes))
            throw Failure(trace_.name + ": the sizes add up to more than 64 bits hold; are they bytes?");
    }

    Trace take() { return std::move(trace_); }

private:
    Trace trace_;
    boost::unordered_flat_map<HashedText, std::uint32_t, KnownHash> numbers_;
    std::uint64_t salt_;
};

class LineParser {
public:
    LineParser(const std::string& path, const TraceOptions& options)
        : file_(path == "-" ? "standard input" : path),
          weigh_(options.weigh),
          builder_(trace_name(path), options.seed) {}

    void parse(std::string_view line) {
        ++number_;
        if (line.ends_with('\r')) line.remove_suffix(1);
        const std::size_t end = first_blank(line);
        if (end == 0 && line.find_first_not_of(blanks) != line.npos)
            fail("the line begins with a blank; the key must come first");
        const std::string_view key = line.substr(0, end);
        if (key.empty()) return;
        if (key.find('\0') != key.npos) fail("a NUL byte in the key: this is not a text trace");
        const bool is_new = builder_.add(key);
        if (weigh_) builder_.add_size(size_of(line.substr(key.size())), is_new);
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw Failure(file_ + ", line " + grouped(number_) + ": " + what);
    }
    void too_long() {
        ++number_;
        fail("longer than a megabyte: this is not a text trace of one request a line");
    }

    Trace take() {
        Trace trace = builder_.take();
        if (trace.keys.empty())
            throw Failure(file_ + ": the trace is empty; it needs one request a line: a key, then optionally a size");
        return trace;
    }

private:
    std::uint64_t size_of(std::string_view rest) const {
        const std::size_t begin = rest.find_first_not_of(blanks);
        if (begin == rest.npos)
            fail("no size after the key; --weigh wants one on each line: leave --weigh out, or add sizes in bytes");
        rest.remove_prefix(begin);
        rest = rest.substr(0, first_blank(rest));
        const auto size = parse_count(rest);
        if (!size)
            fail("\"" + std::string(rest.substr(0, 40)) + "\" is no size in bytes; --weigh wants a whole number");
        return *size;
    }

    std::string file_;
    bool weigh_;
    TraceBuilder builder_;
    std::uint64_t number_ = 0;
};

} // namespace

Trace read_trace(const std::string& path, const TraceOptions& options) {
    ByteSource source(path);
    LineParser parser(path, options);
    std::vector<char> buffer(longest_line + chunk_bytes);
    std::size_t kept = 0; // of a line whose end has not come yet
    for (bool more = true; more;) {
        const std::size_t got = source.read({buffer.data() + kept, chunk_bytes});
        more = got == chunk_bytes;
        std::string_view text(buffer.data(), kept + got);
        std::size_t searched = kept;
        for (std::size_t end; (end = text.find('\n', searched)) != text.npos; searched = 0) {
            parser.parse(text.substr(0, end));
            text.remove_prefix(end + 1);
        }
        if (!more && !text.empty()) parser.parse(text);
        if (text.size() > longest_line) parser.too_long();
        kept = text.size();
        std::memmove(buffer.data(), text.data(), kept);
        if (options.on_progress) options.on_progress(source.progress());
    }
    return parser.take();
}

Trace trace_of_words(std::string_view text, std::uint64_t seed) {
    TraceBuilder builder("sequence", seed);
    constexpr std::string_view between = " \t\r\n";
    for (std::size_t begin = 0; (begin = text.find_first_not_of(between, begin)) != text.npos;) {
        const std::size_t end = std::min(text.find_first_of(between, begin), text.size());
        builder.add(text.substr(begin, end - begin));
        begin = end;
    }
    Trace trace = builder.take();
    if (trace.keys.empty()) throw UsageError("the sequence is empty; give keys between blanks: --sequence \"a b c a\"");
    return trace;
}

std::string trace_name(const std::string& path) {
    const std::string file = path.substr(path.find_last_of('/') + 1);
    constexpr std::string_view extension = ".trace";
    for (std::size_t at = 0; (at = file.find(extension, at)) != file.npos; ++at) {
        const std::size_t after = at + extension.size();
        if (at > 0 && (after == file.size() || file[after] == '.')) return file.substr(0, at);
    }
    return file;
}

} // namespace tiercel::lab
