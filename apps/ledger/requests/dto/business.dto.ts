import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsISO31661Alpha2,
  IsLocale,
  Matches,
} from 'class-validator';
import {
  CATEGORIES,
  CHANNELS,
  PROVIDERS,
  REQUIREMENTS,
  type Category,
  type Provider,
  type Requirement,
} from '#consent';
import { IsBusinessId, IsCleanText, IsFlatScalars } from '#platform';
import { SCOPES, type Scope } from '#vault';
import { IsChannelName } from '../known-channel.js';
import { MayBeAbsent } from './may-be-absent.js';

/** A business as its operator describes it. */
export class BusinessDto {
  @IsCleanText({ max: 200 })
  legalName!: string;

  @IsCleanText({ max: 200 })
  displayName!: string;

  /** ISO 3166-1 alpha-2: the country in which a phone number without country code is read. */
  @MayBeAbsent()
  @Matches(/^[A-Z]{2}$/, { context: { message: 'Must be two capital letters, such as IT.' } })
  @IsISO31661Alpha2()
  defaultRegion?: string;

  @MayBeAbsent()
  @IsFlatScalars({ maxFields: 50, maxLength: 1_000 })
  policy?: Record<string, string | number | boolean>;
}

export class PurposeDto {
  @IsIn(CATEGORIES)
  category!: Category;

  @IsCleanText({ max: 200 })
  title!: string;

  /** Absent: `consent`. Marketing, and every purpose on WhatsApp, always requires consent. */
  @MayBeAbsent()
  @IsIn(REQUIREMENTS)
  requires?: Requirement;
}

export class SenderDto {
  @IsChannelName()
  channel!: string;

  @IsIn(PROVIDERS)
  provider!: Provider;

  @IsCleanText({ max: 200 })
  address!: string;

  /** The provider's own id, e.g. WhatsApp's `phone_number_id`; binding one takes the admin key. */
  @MayBeAbsent()
  @IsCleanText({ max: 200 })
  @Matches(/^\S+$/, { context: { message: 'Must hold no blanks: pasted with one, it would never be recognised.' } })
  providerId?: string;
}

export class DisclosureDto {
  @IsCleanText({ max: 20_000 })
  text!: string;

  /** BCP 47, e.g. `it` or `pt-BR`. */
  @IsLocale()
  locale!: string;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(CHANNELS.length)
  @ArrayUnique()
  @IsChannelName({ each: true })
  channels!: string[];

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(200)
  @ArrayUnique()
  @IsBusinessId({ each: true })
  purposes!: string[];

  @MayBeAbsent()
  @IsCleanText({ max: 1_000 })
  frequency?: string;

  @MayBeAbsent()
  @IsBoolean()
  quickReplyExpected?: boolean;

  @MayBeAbsent()
  @IsCleanText({ max: 2_000 })
  optOut?: string;
}

export class ApiKeyDto {
  @IsCleanText({ max: 200 })
  name!: string;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(SCOPES.length)
  @ArrayUnique()
  @IsIn(SCOPES, { each: true })
  scopes!: Scope[];
}
