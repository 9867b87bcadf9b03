#include "meta_protocol.hpp"

#include "meta_errors.hpp"
#include "meta_reader.hpp"

namespace tiercel::memcached {

namespace {

class MetaCodec final : public transport::Codec {
public:
    MetaCodec(std::string label, std::size_t max_value_bytes) : label_(std::move(label)), reader_(max_value_bytes) {}

    BytesView greeting() const noexcept override { return "mn\r\n"; }
    Result<void> on_greeting_reply(const Reply& reply) override {
        if (greeted_) return unexpected(label_);
        if (reply.kind == Reply::Kind::error) return to_error(reply.text, label_);
        if (reply.kind != Reply::Kind::status || reply.text != "MN") return unexpected(label_);
        greeted_ = true;
        return {};
    }
    bool is_greeted() const noexcept override { return greeted_; }
    Result<void> feed(BytesView bytes, std::vector<Reply>& replies) override { return reader_.feed(bytes, replies); }

private:
    const std::string label_;
    MetaReader reader_;
    bool greeted_ = false;
};

} // namespace

std::unique_ptr<transport::Codec> MetaProtocol::make_codec() const {
    return std::make_unique<MetaCodec>(label_, max_value_bytes_);
}

} // namespace tiercel::memcached
