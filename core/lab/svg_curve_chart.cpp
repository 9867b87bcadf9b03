#include "lab/chart.hpp"
#include "lab/number_text.hpp"
#include "lab/svg_text.hpp"

#include <array>
#include <cmath>

namespace tiercel::lab {
namespace {

using Point = SvgText::Point;

constexpr double width = 960;
constexpr double height = 560;
constexpr SvgText::Box plot{76, 92, 716, 388};
constexpr double legend_x = plot.x + plot.width + 24;
constexpr double legend_step = 24;
constexpr double few_decades = 2.2; ///< over which 2 and 5 are labelled too

std::string stroke_of(const std::string& policy) {
    const std::string colour = colour_of(policy);
    if (colour.empty()) return R"(class="ink" stroke-width="2" stroke-dasharray="7 5")";
    return "stroke=\"" + colour + "\" stroke-width=\"" + (policy == "adaptive" ? "3.2" : "2.2") + "\"";
}

/// Shapes tell lines apart where colours do not. Belady, dashed, has none.
void draw_marker(SvgText& svg, Point at, std::size_t shape, const std::string& policy) {
    if (colour_of(policy).empty()) return;
    const auto n = SvgText::number;
    const std::string fill = fill_of(policy);
    switch (shape % 4) {
    case 0:
        svg.raw("<circle cx=\"" + n(at.x) + "\" cy=\"" + n(at.y) + "\" r=\"3.2\" " + fill + "/>\n");
        break;
    case 1:
        svg.rectangle({at.x - 2.8, at.y - 2.8, 5.6, 5.6}, fill);
        break;
    case 2:
        svg.raw("<path d=\"M" + n(at.x) + " " + n(at.y - 4.2) + "l4 7h-8z\" " + fill + "/>\n");
        break;
    default:
        svg.raw("<path d=\"M" + n(at.x) + " " + n(at.y - 4.4) + "l4.4 4.4l-4.4 4.4l-4.4 -4.4z\" " + fill + "/>\n");
    }
}

class CurvePicture {
public:
    explicit CurvePicture(const CurveChart& chart)
        : chart_(chart), range_(range_of(chart.curves)), svg_(width, height, chart.title) {}

    std::string draw() {
        svg_.text({plot.x - 52, 34}, chart_.title, R"(class="title")");
        svg_.text({plot.x - 52, 56}, chart_.subtitle, "");
        draw_ratios();
        draw_sizes();
        draw_parts();
        draw_curves();
        draw_legend();
        return std::move(svg_).finish();
    }

private:
    static constexpr double bottom = plot.y + plot.height;
    static constexpr double right = plot.x + plot.width;

    double x_of(double size) const { return plot.x + plot.width * log_place(size, chart_.sizes); }
    double y_of(double ratio) const {
        return bottom - plot.height * (ratio - range_.least) / (range_.most - range_.least);
    }
    double first() const { return static_cast<double>(chart_.sizes.front()); }
    double last() const { return static_cast<double>(chart_.sizes.back()); }

    void draw_ratios() {
        const double step = range_.most - range_.least > 0.55 ? 0.1 : 0.05;
        const int count = static_cast<int>(std::lround((range_.most - range_.least) / step));
        for (int at = 0; at <= count; ++at) {
            const double ratio = range_.least + at * step;
            const double y = y_of(ratio);
            svg_.line({plot.x, y}, {right, y}, R"(class="grid")");
            svg_.text({plot.x - 10, y + 4}, percent(ratio, 0), R"(text-anchor="end")");
        }
        svg_.text({0, 0}, "miss ratio",
                  "text-anchor=\"middle\" transform=\"translate(22 " + SvgText::number(plot.y + plot.height / 2) +
                      ") rotate(-90)\"");
    }

    void draw_sizes() {
        const double decades = std::log10(last() / first());
        for (int exponent = 0; exponent < 20; ++exponent)
            for (int digit = 1; digit < 10; ++digit) {
                const double size = digit * std::pow(10.0, exponent);
                if (size < first() || size > last()) continue;
                const bool labelled = digit == 1 || (decades < few_decades && (digit == 2 || digit == 5));
                const double x = x_of(size);
                svg_.line({x, plot.y}, {x, bottom}, labelled ? R"(class="grid")" : R"(class="faint")");
                if (labelled) svg_.text({x, bottom + 20}, short_count(size), R"(text-anchor="middle")");
            }
        svg_.line({plot.x, bottom}, {right, bottom}, R"(class="ink")");
        svg_.text({plot.x + plot.width / 2, bottom + 46}, "cache size in " + chart_.unit + ", logarithmic",
                  R"(text-anchor="middle")");
    }

    /// The same sizes as parts of all keys, along the top.
    void draw_parts() {
        if (chart_.whole == 0) return;
        constexpr std::array parts{0.0001, 0.001, 0.01, 0.1, 0.25, 0.5, 1.0};
        for (const double part : parts) {
            const double size = part * static_cast<double>(chart_.whole);
            if (size < first() * 0.999 || size > last() * 1.001) continue;
            const double x = x_of(size);
            svg_.line({x, plot.y - 5}, {x, plot.y}, R"(class="ink")");
            svg_.text({x, plot.y - 10},
                      percent(part, part < 0.001  ? 2
                                    : part < 0.01 ? 1
                                                  : 0),
                      R"(text-anchor="middle")");
        }
        svg_.line({plot.x, plot.y}, {right, plot.y}, R"(class="grid")");
        svg_.text({legend_x, plot.y - 10}, chart_.unit == "bytes" ? "of all bytes" : "of all keys", "");
    }

    void draw_curves() {
        for (std::size_t shape = 0; shape < chart_.curves.size(); ++shape) {
            const Curve& curve = chart_.curves[shape];
            std::string path;
            for (std::size_t at = 0; at < chart_.sizes.size(); ++at)
                path += (at == 0 ? "M" : "L") + SvgText::number(x_at(at)) + " " +
                        SvgText::number(y_of(curve.miss_ratios[at]));
            svg_.raw("<path fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\" " + stroke_of(curve.name) +
                     " d=\"" + path + "\"/>\n");
            for (std::size_t at = 0; at < chart_.sizes.size(); ++at)
                draw_marker(svg_, {x_at(at), y_of(curve.miss_ratios[at])}, shape, curve.name);
        }
    }
    double x_at(std::size_t at) const { return x_of(static_cast<double>(chart_.sizes[at])); }

    void draw_legend() {
        double y = plot.y + 16;
        for (const Curve* curve : from_top(chart_.curves)) {
            svg_.line({legend_x, y}, {legend_x + 28, y}, stroke_of(curve->name));
            draw_marker(svg_, {legend_x + 14, y}, static_cast<std::size_t>(curve - chart_.curves.data()), curve->name);
            svg_.text({legend_x + 38, y + 4}, curve->name, curve->name == "adaptive" ? R"(class="strong")" : "");
            y += legend_step;
        }
    }

    const CurveChart& chart_;
    RatioRange range_;
    SvgText svg_;
};

} // namespace

std::string svg_of(const CurveChart& chart) {
    return CurvePicture(chart).draw();
}

} // namespace tiercel::lab
