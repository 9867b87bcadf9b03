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
/// A parser that was fed more than this for a reply is not kept.
constexpr std::size_t kept_parser_bytes = std::size_t{16} << 10;

} // namespace

/// What hiredis calls for each item it has parsed. Replies are built in place: an item of an array is put at the end
/// of its parent's elements, which no pointer of hiredis' points into but to the last one. No exception leaves.
struct ReplyReader::Callbacks {
    static Reply* place(const redisReadTask* task, Reply::Kind kind) {
        Reply* reply = nullptr;
        if (task->parent != nullptr) {
            reply = &static_cast<Reply*>(task->parent->obj)->elements.emplace_back();
        } else {
            reply = static_cast<Reply*>(task->privdata);
            *reply = Reply{};
        }
        reply->kind = kind;
        return reply;
    }

    static void* create_string(const redisReadTask* task, char* text, std::size_t size) try {
        const auto kind = task->type == REDIS_REPLY_ERROR    ? Reply::Kind::error
                          : task->type == REDIS_REPLY_STATUS ? Reply::Kind::status
                                                             : Reply::Kind::bulk;
        Reply* reply = place(task, kind);
        reply->text.assign(text, size);
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

ReplyReader::ReplyReader(const ReplyLimits& limits) : guard_(limits) {
    renew_parser();
}

void ReplyReader::renew_parser() {
    static redisReplyObjectFunctions functions = Callbacks::table();
    reader_.reset(redisReaderCreateWithFunctions(&functions));
    if (!reader_) throw std::bad_alloc();
    reader_->privdata = &root_;
    fed_bytes_ = 0;
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

Result<void> ReplyReader::parse(BytesView span, std::size_t complete, std::vector<Reply>& replies) {
    const Error disagreement(Errc::protocol_error,
                             "the peer does not speak Redis' protocol; check the host and the port");
    if (!span.empty() && redisReaderFeed(reader_.get(), span.data(), span.size()) != REDIS_OK) return disagreement;
    fed_bytes_ += span.size();
    if (complete == 0) return {};
    for (; complete > 0; --complete) {
        void* reply = nullptr;
        if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK || reply == nullptr) return disagreement;
        replies.push_back(std::move(root_));
    }
    if (reader_->pos == reader_->len) {
        // hiredis gives a large buffer back when it is fed again, for which an idle connection waits long.
        if (fed_bytes_ > kept_parser_bytes) renew_parser();
        fed_bytes_ = 0;
    }
    return {};
}

} // namespace tiercel::redis
