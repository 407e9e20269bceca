import { getCountries, getCountryCallingCode, Metadata, type CountryCode } from 'libphonenumber-js/max';

/** What tells, without parsing, that digits after a calling code are a number already in its final form. */
interface NumberingPlan {
  readonly codeLength: number;
  /** Bit n is set where n national digits are possible in every country that shares the calling code. */
  readonly lengths: number;
  /** What the library would strip or rewrite at the start of the national digits; one that matches nothing changes nothing. */
  readonly prefixes: readonly RegExp[];
}

/** The part of the library's metadata that its type declarations leave out. */
interface MetadataOfPlan {
  possibleLengths(): readonly number[];
  nationalPrefixForParsing(): string | 0 | undefined;
}

let countriesByCode: Map<number, CountryCode[]> | undefined;
const plans = new Map<number, NumberingPlan>();

/**
 * Whether the digits (calling code first, no `+`) are surely what the library itself would answer for them: the length
 * is possible and nothing would be stripped. False means only that the library has to be asked.
 */
export function isSurelyNormal(digits: string): boolean {
  const plan = planOf(digits);
  if (plan === undefined || ((plan.lengths >> (digits.length - plan.codeLength)) & 1) === 0) return false;
  const national = digits.slice(plan.codeLength);
  return plan.prefixes.every((prefix) => (prefix.exec(national)?.[0] ?? '') === '');
}

/** Calling codes have one to three digits and none begins with another, so the first that exists is the one. */
function planOf(digits: string): NumberingPlan | undefined {
  countriesByCode ??= groupCountries();
  let code = 0;
  for (let length = 1; length <= 3; length += 1) {
    code = code * 10 + (digits.charCodeAt(length - 1) - 48);
    const known = plans.get(code);
    if (known !== undefined) return known;
    const countries = countriesByCode.get(code);
    if (countries !== undefined) return learn(code, countries);
  }
  return undefined;
}

function groupCountries(): Map<number, CountryCode[]> {
  const groups = new Map<number, CountryCode[]>();
  for (const country of getCountries()) {
    const code = Number(getCountryCallingCode(country));
    groups.set(code, [...(groups.get(code) ?? []), country]);
  }
  return groups;
}

/** The library strips by the main country's prefix alone; testing that of each country covers whichever it takes for it. */
function learn(code: number, countries: readonly CountryCode[]): NumberingPlan {
  const all = countries.map(metadataOf);
  const prefixes = all.map((metadata) => metadata.nationalPrefixForParsing()).filter(isPresent);
  const plan = {
    codeLength: String(code).length,
    lengths: all.map(lengthsOf).reduce((common, some) => common & some),
    prefixes: [...new Set(prefixes)].map((prefix) => new RegExp(`^(?:${prefix})`)),
  };
  plans.set(code, plan);
  return plan;
}

/** The library's compact metadata says 0 where there is none. */
function isPresent(prefix: string | 0 | undefined): prefix is string {
  return typeof prefix === 'string' && prefix !== '';
}

function metadataOf(country: CountryCode): MetadataOfPlan {
  const metadata = new Metadata();
  metadata.selectNumberingPlan(country);
  return metadata.numberingPlan as unknown as MetadataOfPlan;
}

function lengthsOf(metadata: MetadataOfPlan): number {
  return metadata.possibleLengths().reduce((bits, length) => bits | (1 << length), 0);
}
