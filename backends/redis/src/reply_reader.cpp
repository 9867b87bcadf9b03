#include "reply_reader.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <utility>

namespace tiercel::redis {

namespace {

/// hiredis moves what is left in its buffer to the front with every reply taken out: small helpings keep that cheap.
constexpr std::size_t helping_bytes = 4096;
/// Room made before elements are there; the rest comes as they do.
constexpr std::size_t trusted_elements = 1024;
/// A parser whose buffer may be larger is not kept. Small replies take it to some 11 KiB.
constexpr std::size_t kept_parser_bytes = std::size_t{12} << 10;

} // namespace

/// What hiredis calls for each item it has parsed. Replies are built in place: an item of an array is put at the end
/// of its parent's elements, which no pointer of hiredis' points into but to the last one. No exception leaves.
struct ReplyReader::Callbacks {
    static Reply* place(const redisReadTask* task, Reply::Kind kind) {
        auto& reader = *static_cast<ReplyReader*>(task->privdata);
        Reply* reply = nullptr;
        if (task->parent != nullptr) {
            reply = &static_cast<Reply*>(task->parent->obj)->elements.emplace_back();
        } else {
            reply = &reader.root_;
            *reply = Reply{};
        }
        reply->kind = kind;
        ++reader.parsed_;
        return reply;
    }

    static void* create_string(const redisReadTask* task, char* text, std::size_t size) try {
        const auto kind = task->type == REDIS_REPLY_ERROR    ? Reply::Kind::error
                          : task->type == REDIS_REPLY_STATUS ? Reply::Kind::status
                                                             : Reply::Kind::bulk;
        Reply* reply = place(task, kind);
        auto& reader = *static_cast<ReplyReader*>(task->privdata);
        const bool set_aside = !reader.aside_.empty() && reader.aside_.front().item == reader.parsed_;
        if (set_aside) {
            reply->text = std::move(reader.aside_.front().value);
            reader.aside_.pop_front();
        } else {
            reply->text.assign(text, size);
        }
        return reply;
    } catch (const std::exception&) {
        return nullptr; // hiredis reports that memory ran out
    }

    template <class Size> // int before hiredis 1.0, size_t from then on
    static void* create_array(const redisReadTask* task, Size elements) try {
        Reply* reply = place(task, Reply::Kind::array);
        reply->elements.reserve(std::min(static_cast<std::size_t>(elements), trusted_elements));
        return reply;
    } catch (const std::exception&) {
        return nullptr;
    }

    static void* create_integer(const redisReadTask* task, long long value) try {
        Reply* reply = place(task, Reply::Kind::integer);
        reply->integer = value;
        return reply;
    } catch (const std::exception&) {
        return nullptr;
    }

    static void* create_nil(const redisReadTask* task) try {
        return place(task, Reply::Kind::nil);
    } catch (const std::exception&) {
        return nullptr;
    }

    static void free_object(void*) {} // all belongs to root_

    static redisReplyObjectFunctions table() {
        redisReplyObjectFunctions functions{};
        functions.createString = create_string;
        functions.createArray = create_array;
        functions.createInteger = create_integer;
        functions.createNil = create_nil;
        functions.freeObject = free_object;
        return functions;
    }
};

void ReplyReader::FreeReader::operator()(redisReader* reader) const noexcept {
    redisReaderFree(reader);
}

ReplyReader::ReplyReader(const ReplyLimits& limits) : guard_(limits), arriving_(limits.large_bytes) {
    renew_parser();
}

void ReplyReader::renew_parser() {
    static redisReplyObjectFunctions functions = Callbacks::table();
    reader_.reset(redisReaderCreateWithFunctions(&functions));
    if (!reader_) throw std::bad_alloc();
    reader_->privdata = this;
    parser_bytes_ = 0;
}

ReplyReader::~ReplyReader() = default;

Result<void> ReplyReader::feed(BytesView bytes, std::vector<Reply>& replies) {
    BytesView span; // passed by the guard, not yet given to the parser
    std::size_t complete = 0;
    while (!bytes.empty()) {
        auto step = guard_.advance(bytes);
        if (!step) {
            // What was complete before the offence counts.
            if (auto parsed = parse(span, complete, replies); !parsed) return parsed;
            return step.error();
        }
        bytes.remove_prefix(step->consumed);
        if (!step->forward.empty()) {
            if (!span.empty() && span.data() + span.size() == step->forward.data()) {
                span = BytesView(span.data(), span.size() + step->forward.size());
            } else {
                if (auto parsed = parse(span, complete, replies); !parsed) return parsed;
                complete = 0;
                span = step->forward;
            }
        }
        take_value(*step);
        if (step->reply_complete) ++complete;
        // The guard's own buffer changes with its next step.
        const bool borrowed = !span.empty() && span.data() + span.size() != bytes.data();
        if (borrowed || (step->reply_complete && span.size() >= helping_bytes)) {
            if (auto parsed = parse(span, complete, replies); !parsed) return parsed;
            complete = 0;
            span = {};
        }
    }
    return parse(span, complete, replies);
}

void ReplyReader::take_value(const ReplyGuard::Step& step) {
    if (step.value_begins) arriving_.begin(guard_.value_left());
    if (!step.value.empty()) arriving_.append(step.value);
    if (step.value_complete) aside_.push_back({guard_.item(), arriving_.take()});
}

std::span<char> ReplyReader::room() {
    return guard_.value_left() > 0 ? arriving_.room() : std::span<char>();
}

void ReplyReader::filled(std::size_t bytes) noexcept {
    arriving_.filled(bytes);
    guard_.pass_value(bytes);
}

Result<void> ReplyReader::parse(BytesView span, std::size_t complete, std::vector<Reply>& replies) {
    const auto disagreement = [] {
        return Error(Errc::protocol_error, "the peer does not speak Redis' protocol; check the host and the port");
    };
    parser_bytes_ = std::max(parser_bytes_, 2 * (reader_->len + span.size())); // it doubles when it grows
    if (!span.empty() && redisReaderFeed(reader_.get(), span.data(), span.size()) != REDIS_OK) return disagreement();
    if (complete == 0) return {};
    for (; complete > 0; --complete) {
        void* reply = nullptr;
        if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK || reply == nullptr) return disagreement();
        replies.push_back(std::move(root_));
    }
    // Values are set aside just before the parser is fed what stands for them.
    if (!aside_.empty()) return disagreement();
    if (reader_->pos == reader_->len) {
        // hiredis gives a large buffer back when it is fed again, for which an idle connection waits long.
        if (parser_bytes_ > kept_parser_bytes) renew_parser();
    }
    return {};
}

} // namespace tiercel::redis
