import { html, type Markup } from './html.ts'

/** One line or one layer of bars: a value for each point of the axis. */
export interface Layer {
  readonly name: string
  readonly values: readonly number[]
}

/** Points in time that share an axis, and how values on it are written. */
export interface Axis {
  readonly labels: readonly string[]
  readonly format: (value: number) => string
}

/** Layers have the colours of the page's style sheet, by their place. */
const COLORS = 7

const WIDTH = 1000
const HEIGHT = 300

/** Bars over time, one layer upon the other. */
export function stackedBars(title: string, layers: readonly Layer[], axis: Axis): Markup {
  const sums = axis.labels.map((_, i) => layers.reduce((sum, { values }) => sum + (values[i] ?? 0), 0))
  const top = niceTop(Math.max(0, ...sums))
  const step = WIDTH / Math.max(axis.labels.length, 1)
  const bars = axis.labels.map((label, i) => {
    let y = HEIGHT
    return layers.map(({ name, values }, layer) => {
      const value = values[i] ?? 0
      const height = (value / top) * HEIGHT
      y -= height
      return value === 0
        ? ''
        : html`<rect
            class="c${layer % COLORS}"
            x="${(i * step + step * 0.1).toFixed(1)}"
            y="${y.toFixed(1)}"
            width="${(step * 0.8).toFixed(1)}"
            height="${height.toFixed(1)}"
            ><title>${label}: ${name} ${axis.format(value)}</title></rect
          >`
    })
  })
  return chart(title, layers, axis, top, html`${bars}`)
}

/** Lines over time. A point without a value (NaN) breaks its line. */
export function lines(title: string, layers: readonly Layer[], axis: Axis): Markup {
  const known = layers.flatMap(({ values }) => values).filter((value) => !Number.isNaN(value))
  const top = niceTop(Math.max(0, ...known))
  const step = WIDTH / Math.max(axis.labels.length, 1)
  const drawn = layers.map(({ name, values }, layer) => {
    const points = values.map((value, i) => ({
      value,
      x: (i + 0.5) * step,
      y: HEIGHT - (value / top) * HEIGHT,
      label: axis.labels[i] ?? '',
    }))
    const path = points
      .map(({ value, x, y }, i) => {
        if (Number.isNaN(value)) return ''
        const begins = i === 0 || Number.isNaN(points[i - 1]!.value)
        return `${begins ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`
      })
      .join('')
    const marks = points.map(({ value, x, y, label }) =>
      Number.isNaN(value)
        ? ''
        : html`<path class="s${layer % COLORS} dot" d="M${x.toFixed(1)} ${y.toFixed(1)}h0"
            ><title>${label}: ${name} ${axis.format(value)}</title></path
          >`,
    )
    return html`<path class="s${layer % COLORS} line" d="${path}" />${marks}`
  })
  return chart(title, layers, axis, top, html`${drawn}`)
}

/** Bars side by side, one a row, longest first as given. */
export function rankedBars(
  title: string,
  rows: readonly { readonly name: string; readonly value: number; readonly note: string }[],
): Markup {
  const top = Math.max(0, ...rows.map(({ value }) => value)) || 1
  return html`<figure>
    <figcaption>${title}</figcaption>
    <table class="bars">
      ${rows.map(
        ({ name, value, note }) =>
          html`<tr>
            <th scope="row">${name}</th>
            <td><span class="bar" style="width:${((value / top) * 100).toFixed(1)}%"></span></td>
            <td class="n">${note}</td>
          </tr>`,
      )}
    </table>
  </figure>`
}

function chart(
  title: string,
  layers: readonly Layer[],
  { labels, format }: Axis,
  top: number,
  drawn: Markup,
): Markup {
  const shares = [1, 0.75, 0.5, 0.25, 0]
  const grid = shares.map((share) => html`<path class="grid" d="M0 ${(1 - share) * HEIGHT}H${WIDTH}" />`)
  // As many labels as a narrow page has room for, the first and the last among them.
  const count = Math.min(labels.length, 5)
  const shown = Array.from({ length: count }, (_, i) =>
    count === 1 ? 0 : Math.round((i * (labels.length - 1)) / (count - 1)),
  )
  return html`<figure>
    <figcaption>${title}</figcaption>
    <div class="plot">
      <div class="y">${shares.map((share) => html`<span>${format(top * share)}</span>`)}</div>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${title}">
        ${grid}${drawn}
      </svg>
      <div class="x">${shown.map((i) => html`<span>${labels[i] ?? ''}</span>`)}</div>
    </div>
    <ul class="legend">
      ${layers.map(({ name }, i) => html`<li><i class="b${i % COLORS}"></i>${name}</li>`)}
    </ul>
  </figure>`
}

/** A round number that is not smaller; 1 for nothing. */
function niceTop(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 2, 2.5, 4, 5, 8, 10].find((one) => one * power >= value * 0.9999999) ?? 10
  return step * power
}
