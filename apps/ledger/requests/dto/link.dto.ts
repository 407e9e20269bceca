import { Type } from 'class-transformer';
import { IsIn, IsObject, ValidateNested } from 'class-validator';
import { STATED_LINK_KINDS, type StatedLinkKind } from '#consent';
import { IsClaimedTime } from '#platform';
import { RecipientDto } from './consent.dto.js';

export class LinkDto {
  /** Of a changed number the one that was left behind. */
  @IsObject()
  @ValidateNested()
  @Type(() => RecipientDto)
  recipient!: RecipientDto;

  /** Of a changed number the one that was taken up. */
  @IsObject()
  @ValidateNested()
  @Type(() => RecipientDto)
  other!: RecipientDto;

  @IsIn(STATED_LINK_KINDS)
  kind!: StatedLinkKind;

  /** Since when it is so: ISO-8601 with an offset, or a day alone. */
  @IsClaimedTime()
  occurredAt!: string;
}
