#include "meta_protocol.hpp"

#include "meta_errors.hpp"
#include "meta_reader.hpp"

namespace tiercel::memcached {

namespace {

class MetaCodec final : public transport::Codec {
public:
    MetaCodec(std::string label, std::size_t max_value_bytes) : label_(std::move(label)), reader_(max_value_bytes) {}

    BytesView greeting() const noexcept override { return "mg tiercel:ping O1\r\nmn\r\n"; }
    Result<void> on_greeting_reply(const Reply& reply) override {
        if (reply.kind == Reply::Kind::error) return to_error(reply.text, label_);
        const bool found_or_not =
            reply.kind == Reply::Kind::nil || (reply.kind == Reply::Kind::status && reply.text == "HD");
        switch (expecting_) {
        case Expecting::lookup:
            if (!found_or_not) return unexpected(label_);
            if (reply.tag != 1) {
                return Error(Errc::unsupported,
                             label_ +
                                 ": it does not say which request it answers; memcached 1.6.18 or later is needed");
            }
            expecting_ = Expecting::end;
            return {};
        case Expecting::end:
            if (reply.kind != Reply::Kind::status || reply.text != "MN") return unexpected(label_);
            expecting_ = Expecting::nothing;
            return {};
        default:
            return unexpected(label_);
        }
    }
    bool is_greeted() const noexcept override { return expecting_ == Expecting::nothing; }
    Result<void> feed(BytesView bytes, std::vector<Reply>& replies) override { return reader_.feed(bytes, replies); }
    std::span<char> room() override { return reader_.room(); }
    void filled(std::size_t bytes) noexcept override { reader_.filled(bytes); }

private:
    enum class Expecting : unsigned char { lookup, end, nothing };

    const std::string label_;
    MetaReader reader_;
    Expecting expecting_ = Expecting::lookup;
};

} // namespace

std::unique_ptr<transport::Codec> MetaProtocol::make_codec() const {
    return std::make_unique<MetaCodec>(label_, max_value_bytes_);
}

} // namespace tiercel::memcached
