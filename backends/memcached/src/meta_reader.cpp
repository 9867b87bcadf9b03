#include "meta_reader.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace tiercel::memcached {

namespace {

constexpr std::string_view end_of_line = "\r\n";

Error not_memcached(const std::string& what) {
    return Error(Errc::protocol_error, "the answer is not memcached's meta protocol (" + what +
                                           "); is it another kind of server? It has to be memcached 1.6.18 or later");
}

template <class Number>
bool parse(std::string_view digits, Number& number) {
    const auto end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, number);
    return error == std::errc() && stopped == end;
}

std::string_view take_word(std::string_view& rest) {
    const auto word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    return word;
}

/// Printable and short, for a message.
std::string shown(std::string_view line) {
    std::string text(line.substr(0, 40));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return '"' + text + '"';
}

} // namespace

Result<void> MetaReader::feed(BytesView bytes, std::vector<Reply>& replies) {
    while (!bytes.empty()) {
        if (expecting_ == Expecting::value) {
            const auto part = bytes.substr(0, left_);
            if (is_large_) {
                value_.append(part);
            } else if (!skipping_) {
                reply_.text.append(part);
            }
            left_ -= part.size();
            bytes.remove_prefix(part.size());
            if (left_ > 0) break;
            expecting_ = Expecting::end_of_value;
            left_ = end_of_line.size();
        } else if (expecting_ == Expecting::end_of_value) {
            if (bytes.front() != end_of_line[end_of_line.size() - left_]) {
                return not_memcached("a value does not end where it said");
            }
            bytes.remove_prefix(1);
            if (--left_ > 0) continue;
            if (is_large_) reply_.text = value_.take();
            complete(replies);
        } else {
            const auto feed = bytes.find('\n');
            const auto part = bytes.substr(0, feed == bytes.npos ? feed : feed + 1);
            if (line_.size() + part.size() > max_line_bytes) return not_memcached("a line without end");
            bytes.remove_prefix(part.size());
            if (feed == part.npos) {
                line_.append(part);
                break;
            }
            std::string_view line = part;
            if (!line_.empty()) line = line_.append(part);
            if (!line.ends_with(end_of_line)) return not_memcached("a line that does not end in CR LF");
            line.remove_suffix(end_of_line.size());
            auto read = on_line(line, replies);
            line_.clear();
            if (!read) return read;
        }
    }
    return {};
}

Result<void> MetaReader::on_line(std::string_view line, std::vector<Reply>& replies) {
    reply_ = Reply();
    auto rest = line;
    const auto word = take_word(rest);
    if (word == "VA") return on_value_line(rest);
    if (word == "EN" || word == "NF") {
        reply_.kind = Reply::Kind::nil;
    } else if (word == "HD" || word == "NS" || word == "EX" || line == "MN") {
        reply_.kind = Reply::Kind::status;
        reply_.text = word;
    } else if (line == "ERROR" || word == "CLIENT_ERROR" || word == "SERVER_ERROR") {
        reply_.kind = Reply::Kind::error;
        reply_.text = line;
        complete(replies);
        return {};
    } else {
        return not_memcached(shown(line));
    }
    if (auto read = read_flags(rest); !read) return read;
    complete(replies);
    return {};
}

Result<void> MetaReader::on_value_line(std::string_view rest) {
    std::size_t size = 0;
    const auto digits = take_word(rest);
    if (!parse(digits, size) || size > max_announced_bytes) {
        return not_memcached("a value of " + shown(digits) + " bytes");
    }
    reply_.kind = Reply::Kind::bulk;
    if (auto read = read_flags(rest); !read) return read;
    skipping_ = size > max_value_bytes_;
    if (skipping_) {
        reply_.kind = Reply::Kind::error;
        reply_.text = too_large_prefix;
    } else if (value_.is_large(size)) {
        is_large_ = true;
        value_.begin(size);
    } else {
        reply_.text.reserve(size);
    }
    left_ = size;
    expecting_ = Expecting::value;
    if (size > 0) return {};
    expecting_ = Expecting::end_of_value;
    left_ = end_of_line.size();
    return {};
}

Result<void> MetaReader::read_flags(std::string_view rest) {
    while (!rest.empty()) {
        const auto flag = take_word(rest);
        if (flag.empty()) continue;
        const auto token = flag.substr(1);
        bool good = true;
        switch (flag.front()) {
        case 'c': {
            std::uint64_t version = 0;
            good = parse(token, version);
            reply_.integer = static_cast<long long>(version);
            break;
        }
        case 't':
            good = parse(token, reply_.ttl) && reply_.ttl >= -1;
            break;
        case 'f':
            good = parse(token, reply_.flags);
            break;
        case 'O':
            good = parse(token, reply_.tag);
            break;
        case 'W':
            reply_.won = true;
            break;
        case 'X':
            reply_.stale = true;
            break;
        case 'Z':
            reply_.won_before = true;
            break;
        default: // a flag that nobody asked for, of a later server
            break;
        }
        if (!good) return not_memcached("the flag " + shown(flag));
    }
    return {};
}

void MetaReader::complete(std::vector<Reply>& replies) {
    replies.push_back(std::move(reply_));
    expecting_ = Expecting::line;
    skipping_ = false;
    is_large_ = false;
}

std::span<char> MetaReader::room() {
    return is_large_ && expecting_ == Expecting::value ? value_.room() : std::span<char>();
}

void MetaReader::filled(std::size_t bytes) noexcept {
    value_.filled(bytes);
    left_ -= bytes;
    if (left_ > 0) return;
    expecting_ = Expecting::end_of_value;
    left_ = end_of_line.size();
}

} // namespace tiercel::memcached
