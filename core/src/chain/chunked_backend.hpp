#pragma once

#include "counters.hpp"
#include "wire/key_encoding.hpp"
#include "wire/manifest.hpp"

#include <tiercel/spi/backend.hpp>
#include <tiercel/spi/runtime.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tiercel::chain {

/// A backend that takes larger values than the one under it: each is cut into chunks under keys of their own, and a
/// manifest (wire/manifest.hpp) stands under the value's key. Smaller values go through as they are.
///
/// Writing: all chunks first, then the manifest; who reads sees the old value or the new one. Reading: a second round
/// trip for the chunks of all manifests of the batch. All or nothing: a chunk that is missing or damaged makes the key
/// a miss, one that could not be read makes it that error.
///
/// Chunks of values that were overwritten or erased are left to their time to live, so that a reader under way still
/// finds them; hence every value in chunks has one.
/// Thread safety and errors: as any backend.
class ChunkedBackend final : public spi::Backend {
public:
    struct Options {
        /// Larger values are cut into chunks of this. At most what the backend takes, which must be at least
        /// wire::manifest_bytes.
        std::size_t chunk_bytes = 0;
        /// Larger ones are refused, or not believed; so are those of more than wire::most_chunks chunks.
        std::size_t max_value_bytes = 0;
        /// In front of the chunks' keys.
        Bytes key_prefix;
        /// Most life of a value in chunks, and the life of one that names none.
        std::chrono::milliseconds max_life{};
    };
    /// `runtime` is where the chunks' ids come from.
    ChunkedBackend(std::shared_ptr<spi::Backend> inner, std::shared_ptr<spi::Runtime> runtime, Options options);

    std::string_view name() const noexcept override { return inner_->name(); }
    /// The inner one's, with the largest value that fits in chunks.
    spi::Capabilities capabilities() const noexcept override;

    boost::asio::awaitable<std::vector<spi::Lookup>> get_many(std::span<const BytesView> keys,
                                                              spi::CallContext call) override;
    boost::asio::awaitable<std::vector<Result<void>>> put_many(std::span<const spi::PutItem> items,
                                                               spi::CallContext call) override;
    /// Erases manifests, not chunks.
    boost::asio::awaitable<std::vector<Result<bool>>> erase_many(std::span<const BytesView> keys,
                                                                 spi::CallContext call) override;
    /// Reads the keys first, to touch the chunks before their manifest. False where a chunk has gone.
    boost::asio::awaitable<std::vector<Result<bool>>>
    touch_many(std::span<const BytesView> keys, std::chrono::milliseconds ttl, spi::CallContext call) override;
    /// Takes a manifest whose chunks have gone for absent.
    boost::asio::awaitable<Result<spi::Conditional>> put_if_absent(spi::PutItem item, spi::CallContext call) override;
    boost::asio::awaitable<Result<spi::Conditional>> put_if_version(spi::PutItem item, spi::Version expected,
                                                                    spi::CallContext call) override;
    boost::asio::awaitable<Result<void>> ping(spi::CallContext call) override;
    /// Without the chunks' keys.
    boost::asio::awaitable<Result<spi::ScanPage>> scan(BytesView prefix, std::string cursor,
                                                       spi::CallContext call) override;
    void close() noexcept override { inner_->close(); }

    struct Counts {
        std::uint64_t puts = 0;         ///< values stored in chunks
        std::uint64_t reads = 0;        ///< values put together
        std::uint64_t incomplete = 0;   ///< values of which a chunk had gone
        std::uint64_t bad_chunks = 0;   ///< values of which a chunk was another than the manifest says
        std::uint64_t bad_manifest = 0; ///< manifests that are none of ours, or announce more than they may
    };
    Counts counts() const;

private:
    /// A value in chunks; `at` is its place in the batch.
    struct Split {
        std::size_t at = 0;
        wire::Manifest manifest;
    };
    struct ChunkKeys {
        std::vector<Bytes> keys;
        std::vector<BytesView> views;
    };
    /// The part of a batch to be touched with one time to live.
    struct Touch {
        std::chrono::milliseconds ttl;
        std::vector<std::size_t> at; ///< their places in the batch
        std::vector<BytesView> keys;

        void add(std::size_t place, BytesView key) {
            at.push_back(place);
            keys.push_back(key);
        }
    };
    using Lookups = std::vector<spi::Lookup>;

    bool must_be_split(BytesView value) const {
        return value.size() > options_.chunk_bytes || wire::looks_like_manifest(value);
    }
    std::optional<Error> refusal(BytesView value) const;
    Split cut(BytesView value, std::size_t at);
    std::chrono::milliseconds life(std::optional<std::chrono::milliseconds> ttl) const;
    /// One after the other, in the order of `splits`.
    ChunkKeys keys_of(std::span<const Split> splits) const;
    void add_chunks(const Split& split, const spi::PutItem& item, std::span<const BytesView> keys,
                    std::vector<spi::PutItem>& out) const;
    Error wrong_number() const;

    std::vector<Split> manifests_in(Lookups& found);
    boost::asio::awaitable<void> put_together(Lookups& found, spi::CallContext call);
    boost::asio::awaitable<void> fetch(std::span<const Split> splits, Lookups& found, spi::CallContext call);
    void join(const wire::Manifest& manifest, std::span<spi::Lookup> chunks, spi::Lookup& found);

    boost::asio::awaitable<Result<spi::Conditional>> put_if(spi::PutItem item, std::optional<spi::Version> expected,
                                                            spi::CallContext call);
    boost::asio::awaitable<Result<spi::Conditional>>
    put_whole_if(spi::PutItem item, std::optional<spi::Version> expected, spi::CallContext call);
    boost::asio::awaitable<void> drop_chunks(std::span<const Split> splits, spi::CallContext call);

    boost::asio::awaitable<void> touch(const Touch& some, std::vector<Result<bool>>& results, spi::CallContext call);

    const std::shared_ptr<spi::Backend> inner_;
    const std::shared_ptr<spi::Runtime> runtime_;
    const Options options_;
    const spi::Capabilities inner_can_;
    const wire::KeyAlphabet alphabet_;
    const std::size_t max_value_bytes_;

    Counter puts_, reads_, incomplete_, bad_chunks_, bad_manifest_;
};

} // namespace tiercel::chain
