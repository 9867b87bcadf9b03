#include "reply_guard.hpp"

#include "whole_number.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace tiercel::redis {

namespace {

Error no_redis(std::string_view what) {
    std::string message("the peer does not speak Redis' protocol (");
    message.append(what).append("); check the host and the port");
    return Error(Errc::protocol_error, std::move(message));
}

bool is_type_byte(char c) noexcept {
    return c == '+' || c == '-' || c == ':' || c == '$' || c == '*';
}

/// As hiredis reads it: "-1" and the like, and no zeros in front.
std::optional<long long> parse_length(std::string_view digits) {
    const auto first = digits.find_first_not_of('-');
    if (digits != "0" && first < digits.size() && digits[first] == '0') return std::nullopt;
    return whole_number<long long>(digits);
}

} // namespace

Result<ReplyGuard::Step> ReplyGuard::advance(BytesView input) {
    if (payload_left_ > 0) return advance_payload(input);
    if (line_forwarded_) {
        line_.clear();
        line_forwarded_ = false;
    }
    if (line_.empty() && !is_type_byte(input.front())) return no_redis("a reply begins with an unknown byte");

    // A line ends with CR LF, as hiredis has it; a lone LF is part of it.
    std::size_t end = 0;
    do {
        end = input.find('\n', end);
        if (end == BytesView::npos) break;
        const bool after_cr = end > 0 ? input[end - 1] == '\r' : line_.ends_with('\r');
        ++end;
        if (after_cr) break;
    } while (true);
    const bool whole = end != BytesView::npos;
    const std::size_t taken = whole ? end : input.size();
    if (line_.size() + taken > limits_.max_line_bytes) return no_redis("a line of a reply has no end");

    Step step;
    step.consumed = taken;
    if (!whole) {
        line_.append(input);
        return step;
    }
    step.forward = input.substr(0, taken);
    if (!line_.empty()) {
        line_.append(step.forward);
        step.forward = line_;
        line_forwarded_ = true;
    }
    if (auto judged = on_line(step.forward.substr(0, step.forward.size() - 2), step); !judged) return judged.error();
    return step;
}

Result<ReplyGuard::Step> ReplyGuard::advance_payload(BytesView input) {
    Step step;
    step.consumed = std::min(payload_left_, input.size());
    const auto taken = input.substr(0, step.consumed);
    // The last two bytes are CR LF: hiredis steps over them unseen.
    for (std::size_t from_end = 2; from_end >= 1; --from_end) {
        if (payload_left_ < from_end || payload_left_ - from_end >= taken.size()) continue;
        if (taken[payload_left_ - from_end] != (from_end == 2 ? '\r' : '\n')) {
            return no_redis("a value is longer than announced");
        }
    }
    if (is_large_) {
        step.value = taken.substr(0, value_left());
    } else if (!skipping_) {
        step.forward = taken;
    }
    payload_left_ -= step.consumed;
    if (payload_left_ == 0) {
        if (is_large_) {
            step.value_complete = true;
            step.forward = "$0\r\n\r\n";
        }
        skipping_ = false;
        is_large_ = false;
        end_item(step);
    }
    return step;
}

Result<void> ReplyGuard::on_line(std::string_view line, Step& step) {
    ++item_;
    reply_bytes_ += line.size();
    if (reply_bytes_ > limits_.max_reply_bytes) return no_redis("a reply is over the cap on replies");
    const char type = line.front();
    if (type == '$' || type == '*') {
        const auto length = parse_length(line.substr(1));
        if (!length || *length < -1) return no_redis("a length is not a number");
        if (*length >= 0) return type == '$' ? on_bulk_header(*length, step) : on_array_header(*length, step);
    }
    end_item(step);
    return {};
}

Result<void> ReplyGuard::on_bulk_header(long long length, Step& step) {
    const auto bytes = static_cast<std::size_t>(length);
    if (bytes > limits_.max_skipped_bytes) return no_redis("it announced a value larger than any server's");
    payload_left_ = bytes + 2;
    if (bytes > limits_.max_reply_bytes - reply_bytes_) {
        skipping_ = true;
        substitute_.clear();
        substitute_.append(1, '-').append(too_large_prefix).append(1, ' ').append(std::to_string(bytes)).append("\r\n");
        step.forward = substitute_;
    } else {
        reply_bytes_ += bytes;
        is_large_ = bytes >= limits_.large_bytes;
        if (is_large_) {
            step.value_begins = true;
            step.forward = {};
        }
    }
    return {};
}

Result<void> ReplyGuard::on_array_header(long long length, Step& step) {
    const auto elements = static_cast<std::size_t>(length);
    if (elements > limits_.max_elements - reply_elements_) return no_redis("it announced an array over the cap");
    reply_elements_ += elements;
    if (elements == 0) {
        end_item(step);
        return {};
    }
    if (depth_ == max_depth) return no_redis("arrays are nested too deeply");
    open_[depth_++] = elements;
    return {};
}

void ReplyGuard::end_item(Step& step) noexcept {
    while (depth_ > 0 && --open_[depth_ - 1] == 0)
        --depth_;
    if (depth_ > 0) return;
    step.reply_complete = true;
    reply_bytes_ = 0;
    reply_elements_ = 0;
}

} // namespace tiercel::redis
