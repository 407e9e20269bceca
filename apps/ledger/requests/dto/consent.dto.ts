import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  Max,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { CATEGORIES, GRANT_METHODS, MESSAGE_KINDS, type Category, type GrantMethod, type MessageKind } from '#consent';
import { IsClaimedTime, IsFlatStrings, IsBusinessId, IsCleanText } from '#platform';
import { ADDRESS_FIELDS } from '../name-recipient.js';
import { MayBeAbsent } from './may-be-absent.js';

/** One of the addresses and no second one, as a schema says it. For the documents alone: the address reader knows better words. */
export const ONE_ADDRESS = ADDRESS_FIELDS.map((field) => ({
  required: [field],
  properties: { [field]: { type: 'string' as const } },
}));
const OrNull = JSONSchema({ nullable: true });

/** A person by exactly one address, null counting as none. What it says is read, and judged, by the vault's address reader. */
@JSONSchema({ oneOf: ONE_ADDRESS })
export class RecipientDto {
  /** E.164, or as people write it where the business has a default region. */
  @OrNull
  @IsOptional()
  @IsCleanText({ max: 64 })
  phone?: string;

  @OrNull
  @IsOptional()
  @IsCleanText({ max: 320 })
  email?: string;

  /** Meta's business-scoped user id, e.g. `IT.1349…`. */
  @OrNull
  @IsOptional()
  @IsCleanText({ max: 160 })
  whatsappUserId?: string;

  /** The id that the service, or the business with its own key, made of the address. */
  @OrNull
  @IsOptional()
  @IsCleanText({ max: 64 })
  recipientId?: string;
}

export class DisclosureRefDto {
  @IsBusinessId()
  id!: string;

  @IsInt()
  @Min(1)
  @Max(1_000_000)
  version!: number;
}

export class GrantDto {
  @IsObject()
  @ValidateNested()
  @Type(() => RecipientDto)
  recipient!: RecipientDto;

  /** Channel names; one that does not exist is `CHANNEL_UNKNOWN`. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @ArrayUnique()
  @IsCleanText({ max: 40 }, { each: true })
  channels!: string[];

  @ValidateIf((grant: GrantDto) => grant.purposes !== undefined || grant.categories === undefined)
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(200)
  @ArrayUnique()
  @IsBusinessId({ each: true })
  purposes?: string[];

  /** Instead of `purposes`: expanded into the registered purposes that the disclosure names. */
  @MayBeAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(CATEGORIES.length)
  @ArrayUnique()
  @IsIn(CATEGORIES, { each: true })
  categories?: Category[];

  @IsIn(GRANT_METHODS)
  method!: GrantMethod;

  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => DisclosureRefDto)
  disclosure?: DisclosureRefDto;

  /** What proves the grant; all of it is sealed, `sha256` is also kept in the clear. */
  @MayBeAbsent()
  @IsFlatStrings({ maxFields: 50, maxLength: 4_000 })
  evidence?: Record<string, string>;

  /** When the person acted: ISO-8601 with an offset, or a day alone. */
  @MayBeAbsent()
  @IsClaimedTime()
  occurredAt?: string;

  @MayBeAbsent()
  @IsClaimedTime({ instantOnly: true })
  expiresAt?: string;
}

export class MessageDto {
  @IsObject()
  @ValidateNested()
  @Type(() => RecipientDto)
  recipient!: RecipientDto;

  @IsCleanText({ max: 40 })
  channel!: string;

  @IsBusinessId()
  sender!: string;

  @IsCleanText({ max: 500 })
  messageId!: string;

  @MayBeAbsent()
  @IsIn(MESSAGE_KINDS)
  kind?: MessageKind;

  @IsClaimedTime()
  occurredAt!: string;
}
