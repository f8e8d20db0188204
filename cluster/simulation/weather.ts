/** How well a simulated NATS server carries messages. Rates are per million messages; 0 turns a fault off. */
import type { SeededRandom } from './random.ts';

export interface Weather {
  /** No message is faster, publisher to receiver. */
  readonly delayMsMin: number;
  /** What a message takes beyond that, on average; never more than three times it. */
  readonly delayMsMean: number;
  /** How many messages are much later, and by how much at most. Those behind them on the same way wait too. */
  readonly latePerMillion: number;
  readonly lateMsMax: number;
  readonly lossPerMillion: number;
  /** How many messages arrive twice; the second time up to `repeatLateMsMax` later, among younger messages. */
  readonly repeatPerMillion: number;
  readonly repeatLateMsMax: number;
}

/** A healthy machine room. */
export const calmWeather: Weather = {
  delayMsMin: 0.05,
  delayMsMean: 0.1,
  latePerMillion: 0,
  lateMsMax: 0,
  lossPerMillion: 0,
  repeatPerMillion: 0,
  repeatLateMsMax: 0,
};

/** What arrives twice, arrives. */
export function isCalm({ delayMsMean, latePerMillion, lossPerMillion }: Weather): boolean {
  const isOnTime = delayMsMean === calmWeather.delayMsMean && latePerMillion === 0;
  return isOnTime && lossPerMillion === 0;
}

/**
 * How long one leg (to the server, or from it) of a message takes. The square of a fraction gives many short delays
 * and few long ones with exact arithmetic, which a logarithm would not.
 */
export function drawLegMs(weather: Weather, random: SeededRandom): number {
  const fraction = random.fraction();
  const usualMs = weather.delayMsMin + 3 * weather.delayMsMean * fraction * fraction;
  const lateMs = random.chance(weather.latePerMillion) ? random.between(0, weather.lateMsMax) : 0;
  return usualMs / 2 + lateMs;
}
